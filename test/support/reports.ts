import type { ReportHead, Run } from '../../src/report/schema.ts';
import { RunTally } from '../../src/report/tally.ts';

/** A completed run of which all is known. */
export const someRun = (more: Partial<Run> = {}): Run => ({
  prompt: 'p0',
  repetition: 0,
  lane: 0,
  state: 'COMPLETED',
  finishReason: 'END_OF_TEXT',
  error: null,
  seed: 1,
  promptTokens: 10,
  cachedPromptTokens: 0,
  completionTokens: 5,
  promptTokensPerSecond: 1000,
  evalTokensPerSecond: 100,
  firstTokenMs: 4,
  loadMs: null,
  memoryBytes: 2 ** 24,
  joulesPerToken: null,
  consistency: 1,
  commonPrefixChars: null,
  firstDifferentToken: null,
  hasDrifted: false,
  isSameText: null,
  expectedLanguage: 'en',
  answerLanguage: 'en',
  driftOffset: null,
  foreign: [],
  text: 'An answer.',
  ...more,
});

interface Told {
  readonly labels?: readonly string[];
  readonly prompts?: readonly { readonly id: string; readonly text: string }[];
  readonly head?: Partial<ReportHead>;
}

/** The report that these runs make. */
export function headOf(
  runs: readonly Run[],
  { labels = ['one', 'two'], prompts = [{ id: 'p0', text: 'A question?' }], head = {} }: Told = {},
): ReportHead {
  const tally = new RunTally(labels.length, prompts.length);
  for (const run of runs)
    tally.add(
      run,
      prompts.findIndex(({ id }) => id === run.prompt),
    );
  const plan = {
    variantId: 'model:Q2_K',
    quantization: 'Q2_K',
    backend: 'llama-cpp',
    deviceId: 'llama-cpp:cpu',
    deviceName: 'A processor',
    deviceKind: 'CPU',
    gpuLayers: 0,
    totalLayers: 3,
    cpuExpertLayers: 0,
    contextSize: 1024,
    kvCacheType: 'F16',
    memoryBytes: 2 ** 23,
  };
  const asked = { model: 'model', quantization: 'Q2_K', backend: null, device: null, gpuLayers: null };
  const summaries = tally.summaries();
  return {
    format: 'mixgate-report',
    version: 1,
    kind: 'BENCH',
    createdAt: '2026-11-24T12:00:00.000Z',
    command: 'mixgate bench --lane one --lane two',
    incomplete: null,
    machine: {
      mixgate: '1.2.3',
      node: 'v20.19.0',
      platform: 'linux x64',
      backends: [{ id: 'llama-cpp', version: null }],
      devices: [
        {
          id: 'llama-cpp:cpu',
          name: 'A processor',
          kind: 'CPU',
          memoryTotalBytes: 2 ** 34,
          memoryFreeBytes: 2 ** 33,
        },
      ],
    },
    repetitions: 1,
    warmUps: 1,
    maxTokens: null,
    schedules: [{ taken: 'IN_TURN', reasons: ['Asked for.'], comparisons: 1 }],
    lanes: labels.map((label, lane) => ({
      ...{ label, ...asked, plan, sampling: { temperature: 0, seed: 1 } },
      summary: summaries[lane]!,
    })),
    prompts: prompts.map(({ id, text }, index) => ({
      ...{ id, text, messages: [], language: null, tags: [] },
      lanes: tally.summariesOf(index),
    })),
    ...head,
  };
}
