import type { Machine as MachineFacts, PromptFacts, LaneFacts, Run } from '../../report/schema.ts';
import { languageReport } from '../../language/language-report.ts';
import type { LanguageReport } from '../../language/report.ts';
import type { Comparison, ComparisonLane } from '../comparison/comparison.ts';
import type { Timings } from '../events.ts';
import type { Generation } from '../generation.ts';
import type { Machine } from '../machine.ts';
import { promptLanguageOf } from '../prompt-language.ts';
import type { GenerationRequest } from '../request.ts';

/** What a report says of a comparison: facts alone, no judgement. */

export function laneFacts({ label, generation: { request, plan } }: ComparisonLane): LaneFacts {
  const { model, quantization, backend, device, gpuLayers, sampling } = request;
  const ran =
    plan === null
      ? null
      : {
          variantId: plan.variantId,
          quantization: plan.quantization,
          backend: plan.backendId,
          deviceId: plan.deviceId,
          deviceName: plan.deviceName,
          deviceKind: plan.deviceKind,
          gpuLayers: plan.gpuLayers,
          totalLayers: plan.totalLayers,
          cpuExpertLayers: plan.cpuExpertLayers,
          contextSize: plan.contextSize,
          kvCacheType: plan.kvCacheType,
          memoryBytes: plan.memory.deviceTotalBytes,
        };
  return { label, model, quantization, backend, device, gpuLayers, sampling, plan: ran };
}

export function promptFacts(
  prompt: GenerationRequest['prompt'],
  { id, language, tags }: Pick<PromptFacts, 'id' | 'language'> & { readonly tags: readonly string[] },
): PromptFacts {
  const [text, messages] = 'text' in prompt ? [prompt.text, []] : [null, prompt.messages];
  return { id, messages: [...messages], text, language, tags: [...tags] };
}

interface RunOf {
  readonly prompt: string;
  /** The one to answer in; null leaves it to what the prompt says. */
  readonly language: string | null;
  readonly repetition: number;
}

/** Every lane of a comparison that has ended. */
export const runsOf = (comparison: Comparison, of: RunOf): Run[] =>
  comparison.lanes.map(({ generation }, lane) => runOf(comparison, lane, { generation, ...of }));

function runOf(
  comparison: Comparison,
  lane: number,
  { generation, prompt, language, repetition }: RunOf & { readonly generation: Generation },
): Run {
  const { state, finishReason, error, seed, usage, text } = generation;
  const isWhole = state === 'COMPLETED';
  const divergence = comparison.divergence(lane);
  return {
    ...{ prompt, repetition, lane },
    state: isWhole || state === 'FAILED' ? state : 'CANCELLED',
    finishReason,
    error: error === null ? null : { code: error.code, message: error.message },
    seed,
    ...usage,
    ...rates(generation),
    memoryBytes: generation.measuredBytes,
    joulesPerToken: comparison.energyPerToken(lane),
    commonPrefixChars: divergence?.commonPrefixChars ?? null,
    firstDifferentToken: divergence?.firstDifferentToken ?? null,
    isSameText: divergence === null ? null : text === comparison.lanes[0]!.generation.text,
    ...languageOf(isWhole ? reportOf(generation, language) : null),
    text,
  };
}

/** A prompt that a cache had for the most part was not read: how fast it was says nothing. */
const isRead = ({ usage: { promptTokens, cachedPromptTokens } }: Generation): boolean =>
  cachedPromptTokens * 2 < promptTokens;

function rates(generation: Generation) {
  const { timings } = generation;
  const wasRead = timings !== null && isRead(generation);
  return {
    promptTokensPerSecond: wasRead ? timings.promptEval.tokensPerSecond : null,
    evalTokensPerSecond: timings?.eval.tokensPerSecond ?? null,
    firstTokenMs: wasRead ? fromSlot(timings) : null,
    loadMs: (timings?.loadMs ?? 0) === 0 ? null : timings!.loadMs,
  };
}

const fromSlot = ({ timeToFirstTokenMs, queueMs, loadMs }: Timings): number | null =>
  timeToFirstTokenMs === null ? null : timeToFirstTokenMs - queueMs - loadMs;

function reportOf({ request, text, language: measured }: Generation, expected: string | null) {
  if (text === '') return null;
  if (expected === null) return measured;
  const [question, options] = promptLanguageOf(request.prompt);
  return languageReport(question, text, { ...options, expected });
}

/** Where no language was expected, none can be left. */
function languageOf(report: LanguageReport | null) {
  const isExpected = report !== null && report.expectedLanguage !== null;
  return {
    expectedLanguage: report?.expectedLanguage ?? null,
    answerLanguage: report?.answerLanguage ?? null,
    consistency: isExpected ? report.consistency : null,
    hasDrifted: isExpected ? report.driftOffset !== null : null,
    driftOffset: report?.driftOffset ?? null,
    foreign: (report?.foreignFragments ?? []).map(({ offset, length, language }) => ({
      ...{ offset, length, language },
    })),
  };
}

/** Of the backends those that have devices here. */
export function machineFacts(machine: Machine, mixgate: string): MachineFacts {
  const devices = machine.devices();
  const backends = machine.backends
    .filter(({ id }) => devices.some(({ backendId }) => backendId === id))
    .map(({ id }) => ({ id, version: machine.status(id).version }));
  return {
    mixgate,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    backends,
    devices: devices.map(({ id, name, kind, memoryTotalBytes, memoryFreeBytes }) => ({
      ...{ id, name, kind, memoryTotalBytes, memoryFreeBytes },
    })),
  };
}
