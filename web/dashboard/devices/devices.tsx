import { Link } from 'wouter';
import { problemOf } from '../api/problem.ts';
import { useLive } from '../api/use-live.ts';
import { usePolled } from '../api/use-polled.ts';
import { OutcomeLine } from '../parts/outcome.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { RoleNote } from '../sign-in/role-note.tsx';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { DeviceCard } from './device-card.tsx';
import { BACKENDS, DEVICES, LOADABLE, type BackendView, type DeviceView } from './documents.ts';
import { LoadForm } from './load-form.tsx';
import { useActions, type Actions } from './use-actions.ts';

/** Runtimes come and go seldom; what they have loaded is told as it changes. */
const BACKENDS_MS = 2000;
/** The backend whose devices are browsers. */
const BROWSERS = 'webgpu';

export default function Devices() {
  const { texts } = useSpeech();
  useTitle(texts.devices.title);
  const backends = usePolled(BACKENDS, BACKENDS_MS);
  const devices = useLive(DEVICES, {});
  const models = useLive(LOADABLE, {});
  const actions = useActions();
  const mayManage = useMay('ADMIN');
  const error = backends.error ?? devices.error;
  const isThere = backends.data !== null && devices.data !== null;
  return (
    <>
      <h1>{texts.devices.title}</h1>
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {!isThere && error === null && <p className="quiet">{texts.loading}</p>}
      <OutcomeLine outcome={actions.outcome} />
      {isThere &&
        backends.data?.backends.map((backend) => (
          <BackendSection
            key={backend.id}
            backend={backend}
            devices={(devices.data?.deviceStatus ?? []).filter((each) => each.backend.id === backend.id)}
            actions={actions}
          />
        ))}
      <RoleNote need="ADMIN" what={texts.signIn.toLoad} />
      {mayManage && models.data !== null && models.data.modelStatus.length > 0 && (
        <LoadForm
          models={models.data.modelStatus}
          devices={devices.data?.deviceStatus ?? []}
          actions={actions}
        />
      )}
    </>
  );
}

interface BackendSectionProps {
  readonly backend: BackendView;
  readonly devices: readonly DeviceView[];
  readonly actions: Actions;
}

function BackendSection({ backend, devices, actions }: BackendSectionProps) {
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
      {backend.available && devices.length === 0 && (
        <p>{backend.id === BROWSERS ? texts.devices.noBrowsers : texts.devices.noDevices}</p>
      )}
      <div className="cards">
        {devices.map((device) => (
          <DeviceCard key={device.id} device={device} actions={actions} />
        ))}
      </div>
      {backend.id === BROWSERS && (
        <p>
          <Link href="/lend">{texts.devices.lendThis}</Link>
        </p>
      )}
    </section>
  );
}
