import { useSpeech } from '../text/language.tsx';
import type { PlanView } from './plan-fields.ts';

/** A plan in a line: what, where, how much of it. */
export function PlanLine({ plan }: { readonly plan: PlanView }) {
  const { texts, formats } = useSpeech();
  const { variant, deviceName, gpuLayers, totalLayers, contextSize, kvCacheType } = plan;
  const more = [
    ...(gpuLayers > 0 ? [texts.plan.layers(gpuLayers, totalLayers)] : []),
    texts.plan.context(formats.count(contextSize)),
    `KV ${kvCacheType}`,
    formats.bytes(gpuLayers > 0 ? plan.memory.deviceTotalBytes : plan.memory.hostTotalBytes),
    ...(plan.decodeTokensPerSecond === null
      ? []
      : [texts.plan.speed(formats.decimal(plan.decodeTokensPerSecond))]),
  ];
  return (
    <>
      <strong>{texts.plan.on(variant.quantization, deviceName)}</strong>{' '}
      <span className="quiet">{more.join(' · ')}</span>
    </>
  );
}
