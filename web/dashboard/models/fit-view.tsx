import type { ResultOf } from 'gql.tada';
import { bestPerQuantization } from '../parts/best-per-quantization.ts';
import { DataTable } from '../parts/data-table.tsx';
import { MemoryBar } from '../parts/memory-bar.tsx';
import { PlanLine } from '../parts/plan-line.tsx';
import { PlanMemory } from '../parts/plan-memory.tsx';
import { PlanReasons } from '../parts/plan-reasons.tsx';
import type { PlanView } from '../parts/plan-fields.ts';
import { useSpeech } from '../text/language.tsx';
import type { FIT } from './documents.ts';

interface ImaginedDevice {
  readonly memoryBytes: number;
  /** Null while it is not known. */
  readonly margin: number | null;
}

export interface FitViewProps {
  readonly plan: ResultOf<typeof FIT>['plan'];
  /** Null for the devices of this machine. */
  readonly device: ImaginedDevice | null;
}

export function FitView({ plan: { chosen, candidates }, device }: FitViewProps) {
  const { texts, formats } = useSpeech();
  const margin = device?.margin ?? null;
  return (
    <>
      <p className="chosen" role="status">
        {texts.models.chosen}: {chosen === null ? texts.plan.nothingFits : <PlanLine plan={chosen} />}
      </p>
      {chosen !== null &&
        (device === null ? <PlanMemory plan={chosen} /> : <DeviceBar plan={chosen} {...device} />)}
      {margin !== null && <p className="quiet">{texts.models.marginNote(formats.bytes(margin))}</p>}
      {chosen !== null && <PlanReasons reasons={chosen.reasons} />}
      <Candidates candidates={bestPerQuantization(candidates)} chosen={chosen} />
    </>
  );
}

/** The whole memory of the device: what the plan takes of it, the margin, and what is left. */
function DeviceBar({ plan, memoryBytes, margin }: ImaginedDevice & { readonly plan: PlanView }) {
  const { texts } = useSpeech();
  const { deviceWeightsBytes, deviceKvCacheBytes, deviceComputeBytes, deviceTotalBytes } = plan.memory;
  return (
    <MemoryBar
      label={texts.memory.label}
      parts={[
        ['weights', deviceWeightsBytes],
        ['kvCache', deviceKvCacheBytes],
        ['compute', deviceComputeBytes],
        ['margin', margin ?? 0],
        ['free', Math.max(0, memoryBytes - deviceTotalBytes - (margin ?? 0))],
      ]}
    />
  );
}

interface CandidatesProps {
  readonly candidates: readonly PlanView[];
  readonly chosen: PlanView | null;
}

function Candidates({ candidates, chosen }: CandidatesProps) {
  const { texts, formats } = useSpeech();
  return (
    <DataTable
      label={texts.models.table}
      rows={candidates}
      keyOf={({ variant }) => variant.id}
      isCurrent={({ variant }) => variant.id === chosen?.variant.id}
      below={({ reasons }) => <PlanReasons reasons={reasons} />}
      columns={[
        { title: texts.models.quantization, cell: ({ variant }) => variant.quantization },
        { title: texts.models.fits, cell: ({ fits }) => (fits ? texts.models.yes : texts.models.no) },
        {
          title: texts.models.layers,
          cell: ({ gpuLayers, totalLayers }) => texts.models.layersOf(gpuLayers, totalLayers),
        },
        { title: texts.models.onDevice, cell: ({ memory }) => formats.bytes(memory.deviceTotalBytes) },
        { title: texts.models.onHost, cell: ({ memory }) => formats.bytes(memory.hostTotalBytes) },
      ]}
    />
  );
}
