import { z } from 'zod';
import { SEES_ALL } from '../../access/ownership.ts';
import { messageOf, MixgateError } from '../../errors.ts';
import type { ReportHead, Run } from '../../report/schema.ts';
import type { Comparison } from '../comparison/comparison.ts';
import {
  comparisonRequest,
  type ComparisonRequest,
  type SamplingDefaults,
} from '../comparison/comparison-request.ts';
import type { Comparisons } from '../comparison/comparisons.ts';
import type { Machine } from '../machine.ts';
import { parseRequest } from '../request.ts';
import { ReportBuilder } from './builder.ts';
import { machineFacts, promptFacts } from './facts.ts';
import type { BenchPrompt } from './prompt-set.ts';

/** Runs in all, so that the numbers kept of them stay small. */
const MOST_RUNS = 100_000;
/** Tokens of a warm-up: enough to have read the weights. */
const WARM_UP_TOKENS = 64;
const WARM_UP = 'Hello! Who are you, and what can you do?';
/** What seeds count from where none is given. */
const FIRST_SEED = 1;

const schema = z.object({
  repetitions: z.number().int().min(1).max(1000),
  warmUps: z.number().int().min(0).max(100),
  sampling: z.looseObject({ seed: z.number().nullish(), temperature: z.number().nullish() }),
  maxTokens: z
    .number()
    .int()
    .min(1)
    .max(2 ** 24)
    .nullish()
    .transform((value) => value ?? null),
});

export interface BenchInput {
  readonly prompts: readonly BenchPrompt[];
  /** As `CompareInput`'s, one at the least. */
  readonly lanes: readonly object[];
  /** A system message for the prompts that have none. */
  readonly system: string | null;
  /** Give the prompts to the models as they are, without chat template. */
  readonly isRaw: boolean;
  readonly schedule: string;
  readonly repetitions: number;
  readonly warmUps: number;
  readonly sampling: object;
  /** Of any answer; null for no other bound than the prompt's own. */
  readonly maxTokens: unknown;
}

export interface BenchRequest {
  readonly prompts: readonly BenchPrompt[];
  readonly lanes: number;
  readonly repetitions: number;
  readonly warmUps: number;
  readonly maxTokens: number | null;
  /** A prompt's comparison; of each repetition with the next seed. */
  readonly comparison: (prompt: BenchPrompt, repetition: number) => ComparisonRequest;
}

/** Checks all that can be said before anything runs. @throws INVALID_INPUT */
export function benchRequest(input: BenchInput, defaultsOf: SamplingDefaults): BenchRequest {
  const { repetitions, warmUps, sampling, maxTokens } = parseRequest(schema, input);
  const { prompts, lanes } = input;
  const runs = prompts.length * lanes.length * repetitions;
  if (runs > MOST_RUNS)
    throw new MixgateError('INVALID_INPUT', `These are ${runs} runs: at most ${MOST_RUNS}.`, { runs });
  const comparison = (prompt: BenchPrompt, repetition: number): ComparisonRequest => {
    const { stop } = prompt;
    const asked = {
      prompt: promptOf(prompt, input),
      lanes: lanes.map((lane) => ({ ...lane, stop })),
      sampling: {
        ...sampling,
        temperature: sampling.temperature ?? 0,
        seed: (sampling.seed ?? FIRST_SEED) + repetition,
      },
      maxTokens: least(prompt.maxTokens, maxTokens),
      schedule: input.schedule,
      onDisconnect: 'CONTINUE',
    };
    return comparisonRequest(asked, defaultsOf, 1);
  };
  for (const prompt of prompts) comparison(prompt, repetitions - 1);
  return { prompts, lanes: lanes.length, repetitions, warmUps, maxTokens, comparison };
}

function promptOf({ id, messages }: BenchPrompt, { system, isRaw }: BenchInput): object {
  if (isRaw) {
    if (messages.length === 1 && messages[0]!.role === 'USER') return { text: messages[0]!.content };
    throw new MixgateError('INVALID_INPUT', `Prompt ${id} has several messages: it cannot be given raw.`);
  }
  const hasSystem = messages.some(({ role }) => role === 'SYSTEM');
  if (system === null || hasSystem) return { messages };
  return { messages: [{ role: 'SYSTEM', content: system }, ...messages] };
}

const least = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);

/** What happens, in order; `ENDED` comes last, whatever happened. */
export type BenchEvent =
  | { readonly type: 'STARTED'; readonly comparison: Comparison; readonly step: Step }
  | {
      readonly type: 'FINISHED';
      readonly comparison: Comparison;
      readonly step: Step;
      readonly runs: readonly Run[];
    }
  | { readonly type: 'ENDED'; readonly head: ReportHead };

interface Step {
  /** Null for what is not counted. */
  readonly prompt: string | null;
  readonly repetition: number;
  /** Comparisons counted by now, and in all. */
  readonly done: number;
  readonly total: number;
}

export interface BenchServices {
  readonly comparisons: Comparisons;
  readonly machine: Machine;
  readonly version: string;
  readonly now: () => number;
}

/**
 * Warm-ups, then the whole set once for each repetition, one comparison after the other. A signal that aborts cancels
 * what runs, and ends it with what was measured.
 * @throws what `Comparisons.start` throws of the first comparison
 */
export async function* runBench(
  request: BenchRequest,
  { comparisons, machine, version, now }: BenchServices,
  { command, signal }: { readonly command: string | null; readonly signal: AbortSignal },
): AsyncGenerator<BenchEvent> {
  const { prompts, repetitions, maxTokens, lanes } = request;
  const builder = new ReportBuilder({
    ...{ kind: 'BENCH', command, repetitions, maxTokens, lanes },
    createdAt: new Date(now()),
    machine: machineFacts(machine, version),
    prompts: prompts.map((prompt) =>
      promptFacts(request.comparison(prompt, 0).lanes[0]!.generation.prompt, prompt),
    ),
  });
  const total = prompts.length * repetitions;
  let done = 0;
  let problem: string | null = null;
  for (const { kind, asked, prompt, repetition } of stepsOf(request)) {
    if (signal.aborted || problem !== null) break;
    const step: Step = { prompt: prompt === null ? null : prompts[prompt]!.id, repetition, done, total };
    const comparison = await comparisons.start(asked, 'bench').catch((error: unknown) => {
      if (done === 0) throw error;
      problem = messageOf(error);
      return null;
    });
    if (comparison === null) break;
    yield { type: 'STARTED', comparison, step };
    await ended(comparison, comparisons, signal);
    if (kind === 'WARM_UP') builder.addWarmUp(comparison);
    if (prompt === null) continue;
    const runs = builder.add(comparison, prompt, repetition);
    if (!signal.aborted) done++;
    yield { type: 'FINISHED', comparison, step: { ...step, done }, runs };
  }
  const whole = `${done} of ${total} comparisons are whole`;
  const reason = problem ?? 'it was stopped.';
  yield { type: 'ENDED', head: builder.head(done === total ? null : `${whole}: ${reason}`) };
}

interface PlannedStep {
  readonly kind: 'WARM_UP' | 'FLUSH' | 'COUNTED';
  readonly asked: ComparisonRequest;
  /** Its index; null for what is not counted. */
  readonly prompt: number | null;
  readonly repetition: number;
}

function* stepsOf({ prompts, repetitions, warmUps, comparison }: BenchRequest): Generator<PlannedStep> {
  const uncounted = (kind: 'WARM_UP' | 'FLUSH', maxTokens: number, repetition = 0): PlannedStep => {
    const prompt = { ...prompts[0]!, messages: [{ role: 'USER' as const, content: WARM_UP }], maxTokens };
    return { kind, asked: comparison(prompt, repetition), prompt: null, repetition };
  };
  for (let count = 0; count < warmUps; count++) yield uncounted('WARM_UP', WARM_UP_TOKENS);
  for (let repetition = 0; repetition < repetitions; repetition++) {
    // A slot would still hold the only prompt there is, and nothing were read: give it another one to hold.
    if (prompts.length === 1 && repetition > 0) yield uncounted('FLUSH', 1, repetition);
    for (const [prompt, each] of prompts.entries())
      yield { kind: 'COUNTED', asked: comparison(each, repetition), prompt, repetition };
  }
}

/** Resolves when every lane has ended; cancels them when the signal aborts. */
async function ended(comparison: Comparison, comparisons: Comparisons, signal: AbortSignal): Promise<void> {
  const cancel = () => void comparisons.cancel(comparison.id, SEES_ALL);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  const events = comparison.log.read(0, new AbortController().signal);
  while ((await events.next()).done !== true);
  signal.removeEventListener('abort', cancel);
}
