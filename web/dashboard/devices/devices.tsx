import { problemOf } from '../api/problem.ts';
import { usePolled } from '../api/use-polled.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';
import { DeviceCard } from './device-card.tsx';
import { DEVICES, type BackendView } from './documents.ts';
import { LoadForm } from './load-form.tsx';
import { useActions, type Actions, type Outcome } from './use-actions.ts';

const POLL_MS = 2000;

export default function Devices() {
  const { texts } = useSpeech();
  useTitle(texts.devices.title);
  const { data, error, refresh } = usePolled(DEVICES, POLL_MS);
  const actions = useActions(refresh);
  return (
    <>
      <h1>{texts.devices.title}</h1>
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {data === null && error === null && <p className="quiet">{texts.loading}</p>}
      <OutcomeLine outcome={actions.outcome} />
      {data?.backends.map((backend) => (
        <BackendSection key={backend.id} backend={backend} actions={actions} />
      ))}
      {data !== null && data.models.length > 0 && <LoadForm data={data} actions={actions} />}
    </>
  );
}

function OutcomeLine({ outcome }: { readonly outcome: Outcome }) {
  const { texts } = useSpeech();
  if (outcome.type === 'failed') return <ProblemBox problem={outcome.problem} />;
  const text = {
    idle: () => '',
    working: () => texts.devices.working,
    loaded: texts.devices.loaded,
    unloaded: texts.devices.unloaded,
  }[outcome.type]('variant' in outcome ? outcome.variant : '');
  return (
    <p className="status" role="status">
      {text}
    </p>
  );
}

function BackendSection({ backend, actions }: { readonly backend: BackendView; readonly actions: Actions }) {
  const { texts } = useSpeech();
  return (
    <section>
      <h2>
        {backend.id} <small className="quiet">{backend.version}</small>
      </h2>
      {!backend.available && (
        <p>
          {texts.devices.unavailable}: <span lang="en">{backend.unavailableReason}</span>
        </p>
      )}
      {backend.available && backend.devices.length === 0 && <p>{texts.devices.noDevices}</p>}
      <div className="cards">
        {backend.devices.map((device) => (
          <DeviceCard key={device.id} device={device} actions={actions} />
        ))}
      </div>
    </section>
  );
}
