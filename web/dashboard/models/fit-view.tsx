import type { ResultOf } from 'gql.tada';
import { Fragment } from 'react';
import { bestPerQuantization } from '../parts/best-per-quantization.ts';
import { MemoryBar } from '../parts/memory-bar.tsx';
import { PlanLine } from '../parts/plan-line.tsx';
import { PlanReasons } from '../parts/plan-reasons.tsx';
import type { PlanView } from '../parts/plan-fields.ts';
import { useSpeech } from '../text/language.tsx';
import type { FIT } from './documents.ts';

export interface FitViewProps {
  readonly plan: ResultOf<typeof FIT>['plan'];
  readonly memoryBytes: number;
  /** Null while it is not known. */
  readonly margin: number | null;
}

export function FitView({ plan: { chosen, candidates }, memoryBytes, margin }: FitViewProps) {
  const { texts, formats } = useSpeech();
  return (
    <>
      <p className="chosen" role="status">
        {texts.models.chosen}: {chosen === null ? texts.plan.nothingFits : <PlanLine plan={chosen} />}
      </p>
      {chosen !== null && <DeviceBar plan={chosen} memoryBytes={memoryBytes} margin={margin} />}
      {margin !== null && <p className="quiet">{texts.models.marginNote(formats.bytes(margin))}</p>}
      {chosen !== null && <PlanReasons reasons={chosen.reasons} />}
      <Candidates candidates={bestPerQuantization(candidates)} chosen={chosen} />
    </>
  );
}

/** The whole memory of the device: what the plan takes of it, the margin, and what is left. */
function DeviceBar({ plan, memoryBytes, margin }: Omit<FitViewProps, 'plan'> & { readonly plan: PlanView }) {
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
    <div className="scroll" tabIndex={0} role="region" aria-label={texts.models.table}>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.models.quantization}</th>
            <th scope="col">{texts.models.fits}</th>
            <th scope="col">{texts.models.layers}</th>
            <th scope="col">{texts.models.onDevice}</th>
            <th scope="col">{texts.models.onHost}</th>
          </tr>
        </thead>
        <tbody>
          {candidates.map((plan) => (
            <Fragment key={plan.variant.id}>
              <tr aria-current={plan.variant.id === chosen?.variant.id ? 'true' : undefined}>
                <th scope="row">{plan.variant.quantization}</th>
                <td>{plan.fits ? texts.models.yes : texts.models.no}</td>
                <td>{texts.models.layersOf(plan.gpuLayers, plan.totalLayers)}</td>
                <td>{formats.bytes(plan.memory.deviceTotalBytes)}</td>
                <td>{formats.bytes(plan.memory.hostTotalBytes)}</td>
              </tr>
              <tr className="why">
                <td colSpan={5}>
                  <PlanReasons reasons={plan.reasons} />
                </td>
              </tr>
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}
