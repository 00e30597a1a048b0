/**
 * Answers, over IPC, what llama.cpp says that a load takes of the GPU: `{ path, cases }` in, for each case its bytes
 * out, null where llama.cpp cannot tell and node-llama-cpp would fall back to an estimate of its own.
 */
import { getLlama, GgmlType, GgufInsights, LlamaLogLevel, readGgufFileInfo } from 'node-llama-cpp';
import type { BreakdownCase, BreakdownQuestion } from '../breakdowns.ts';

const KV_TYPES = { F16: GgmlType.F16, Q8_0: GgmlType.Q8_0, Q4_0: GgmlType.Q4_0 };

let hasFailed = false;
const llama = await getLlama({
  gpu: 'vulkan',
  build: 'never',
  logLevel: LlamaLogLevel.warn,
  maxThreads: 1,
  logger: (_level, message) => {
    if (message.includes('Failed simulating')) hasFailed = true;
  },
});

async function deviceBytes(
  insights: GgufInsights,
  { gpuLayers, contextSize, slots, batchSize, kvCacheType }: BreakdownCase,
): Promise<number | null> {
  hasFailed = false;
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
  return hasFailed ? null : model.gpuVram + context.gpuVram;
}

async function answer({ path, cases }: BreakdownQuestion): Promise<void> {
  // One for all cases of a file: it keeps the model of the last layers that were asked for.
  const insights = await GgufInsights.from(await readGgufFileInfo(path, { sourceType: 'filesystem' }), llama);
  const answers: (number | null)[] = [];
  for (const one of cases) answers.push(await deviceBytes(insights, one));
  process.send?.(answers);
}

process.on('message', (question) => void answer(question as BreakdownQuestion));
