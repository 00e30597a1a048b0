import { useSpeech } from '../text/language.tsx';
import { MemoryBar } from './memory-bar.tsx';
import type { PlanView } from './plan-fields.ts';

/** What a plan puts on its device. */
export function PlanMemory({ plan }: { readonly plan: PlanView }) {
  const { texts } = useSpeech();
  const { deviceWeightsBytes, deviceKvCacheBytes, deviceComputeBytes } = plan.memory;
  return (
    <MemoryBar
      label={texts.memory.label}
      parts={[
        ['weights', deviceWeightsBytes],
        ['kvCache', deviceKvCacheBytes],
        ['compute', deviceComputeBytes],
      ]}
    />
  );
}
