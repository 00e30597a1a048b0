import { DataTable } from '../parts/data-table.tsx';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import type { DeviceView, ResidentView } from './documents.ts';
import type { Actions } from './use-actions.ts';

interface ResidentsProps {
  readonly device: DeviceView;
  readonly actions: Actions;
}

export function Residents({ device, actions }: ResidentsProps) {
  const { texts, formats } = useSpeech();
  const mayManage = useMay('ADMIN');
  const buttons = {
    title: texts.devices.actions,
    cell: (resident: ResidentView) => <Buttons resident={resident} actions={actions} />,
  };
  return (
    <DataTable
      label={texts.devices.residents}
      rows={device.resident}
      keyOf={({ id }) => id}
      columns={[
        {
          title: texts.devices.model,
          cell: ({ variant, isPinned, plan }) => (
            <>
              {variant.id} {isPinned && <span className="badge">{texts.devices.pinned}</span>}
              <small className="source">
                {[
                  ...(plan.gpuLayers > 0 ? [texts.plan.layers(plan.gpuLayers, plan.totalLayers)] : []),
                  texts.plan.context(formats.count(plan.contextSize)),
                  `KV ${plan.kvCacheType}`,
                ].join(' · ')}
              </small>
            </>
          ),
        },
        {
          title: texts.devices.slots,
          cell: ({ busySlots, slots }) => texts.devices.slotsOf(busySlots, slots),
        },
        { title: texts.devices.bytes, cell: (resident) => <Bytes resident={resident} /> },
        ...(mayManage ? [buttons] : []),
      ]}
    />
  );
}

interface ButtonsProps {
  readonly resident: ResidentView;
  readonly actions: Actions;
}

function Buttons({ resident, actions: { isWorking, pin, unload } }: ButtonsProps) {
  const { texts } = useSpeech();
  const { variant, busySlots, isPinned } = resident;
  const { pinOf, unpinOf, unloadOf } = texts.devices;
  return (
    <div className="buttons">
      <button
        type="button"
        className="secondary"
        aria-label={(isPinned ? unpinOf : pinOf)(variant.id)}
        disabled={isWorking}
        onClick={() => {
          pin(resident, !isPinned);
        }}
      >
        {isPinned ? texts.devices.unpin : texts.devices.pin}
      </button>
      <button
        type="button"
        className="secondary"
        aria-label={unloadOf(variant.id)}
        disabled={isWorking || busySlots > 0}
        onClick={() => {
          unload(resident);
        }}
      >
        {texts.devices.unload}
      </button>
    </div>
  );
}

/** The best that is known, and how it is known. */
function Bytes({ resident: { measuredBytes, verifiedBytes, plan } }: { readonly resident: ResidentView }) {
  const { texts, formats } = useSpeech();
  if (measuredBytes !== null) return `${formats.bytes(measuredBytes)} (${texts.devices.measured})`;
  if (verifiedBytes !== null) return `${formats.bytes(verifiedBytes)} (${texts.devices.verified})`;
  return `${formats.bytes(plan.memory.deviceTotalBytes)} (${texts.devices.planned})`;
}
