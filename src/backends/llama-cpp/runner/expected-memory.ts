import { GgmlType, GgufInsights, readGgufFileInfo, type Llama } from 'node-llama-cpp';
import type { CommandOf } from '../../../protocol/frames.ts';

/** Bytes that a load will take on the device; the host's for a runner without a GPU. */
export interface ExpectedMemory {
  readonly deviceBytes: number;
}

const KV_TYPES = { F16: GgmlType.F16, Q8_0: GgmlType.Q8_0, Q4_0: GgmlType.Q4_0 };

/**
 * llama.cpp's own breakdown of a load, without allocating anything: exact. Null where it cannot tell; then
 * node-llama-cpp falls back to an estimate of its own, which is far off for contexts and is not taken.
 */
export async function expectedMemory(
  llama: Llama,
  { path, gpuLayers, contextSize, slots, batchSize, kvCacheType }: CommandOf<'load'>,
): Promise<ExpectedMemory | null> {
  const before = llama.logger;
  let isSimulated = true;
  llama.logger = (level, message) => {
    if (message.includes('Failed simulating')) isSimulated = false;
    else before(level, message);
  };
  try {
    const insights = await GgufInsights.from(
      await readGgufFileInfo(path, { sourceType: 'filesystem' }),
      llama,
    );
    const model = await insights.estimateModelResourceRequirementsV2({ gpuLayers });
    const context = await insights.estimateContextResourceRequirementsV2({
      contextSize,
      modelGpuLayers: gpuLayers,
      batchSize,
      sequences: slots,
      flashAttention: 'auto',
      kvCacheKeyType: KV_TYPES[kvCacheType],
      kvCacheValueType: KV_TYPES[kvCacheType],
    });
    if (!isSimulated) return null;
    const of = (await llama.getVramState()).total === 0 ? 'cpuRam' : 'gpuVram';
    return { deviceBytes: model[of] + context[of] };
  } catch {
    return null; // The load itself will say what is wrong with the file.
  } finally {
    llama.logger = before;
  }
}
