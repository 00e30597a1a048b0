import { useSpeech } from '../text/language.tsx';
import type { DeviceView, ResidentView } from './documents.ts';
import type { Actions } from './use-actions.ts';

interface ResidentsProps {
  readonly device: DeviceView;
  readonly actions: Actions;
}

export function Residents({ device, actions }: ResidentsProps) {
  const { texts } = useSpeech();
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={texts.devices.residents}>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.devices.model}</th>
            <th scope="col">{texts.devices.slots}</th>
            <th scope="col">{texts.devices.bytes}</th>
            <th scope="col">{texts.devices.actions}</th>
          </tr>
        </thead>
        <tbody>
          {device.resident.map((resident) => (
            <Row key={resident.id} resident={resident} device={device} actions={actions} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ resident, device, actions }: ResidentsProps & { readonly resident: ResidentView }) {
  const { texts } = useSpeech();
  const { variant, busySlots, slots, isPinned } = resident;
  const isWorking = actions.outcome.type === 'working';
  return (
    <tr>
      <th scope="row">
        {variant.id} {isPinned && <span className="badge">{texts.devices.pinned}</span>}
      </th>
      <td>{texts.devices.slotsOf(busySlots, slots)}</td>
      <td>
        <Bytes resident={resident} />
      </td>
      <td>
        {!isPinned && (
          <button
            type="button"
            className="secondary"
            aria-label={texts.devices.pinOf(variant.id)}
            disabled={isWorking}
            onClick={() => {
              actions.pin(resident, device);
            }}
          >
            {texts.devices.pin}
          </button>
        )}{' '}
        <button
          type="button"
          className="secondary"
          aria-label={texts.devices.unloadOf(variant.id)}
          disabled={isWorking || busySlots > 0}
          onClick={() => {
            actions.unload(resident);
          }}
        >
          {texts.devices.unload}
        </button>
      </td>
    </tr>
  );
}

/** The best that is known, and how it is known. */
function Bytes({ resident: { measuredBytes, verifiedBytes, plan } }: { readonly resident: ResidentView }) {
  const { texts, formats } = useSpeech();
  if (measuredBytes !== null) return `${formats.bytes(measuredBytes)} (${texts.devices.measured})`;
  if (verifiedBytes !== null) return `${formats.bytes(verifiedBytes)} (${texts.devices.verified})`;
  return `${formats.bytes(plan.memory.deviceTotalBytes)} (${texts.devices.planned})`;
}
