import { MixgateError } from '../../errors.ts';
import type {
  LaneFacts,
  Machine as MachineFacts,
  PromptFacts,
  ReportHead,
  Run,
  RunSchedule,
} from '../../report/schema.ts';
import { RunTally } from '../../report/tally.ts';
import type { Comparison } from '../comparison/comparison.ts';
import { laneFacts, machineFacts, promptFacts, runsOf } from './facts.ts';
import type { Machine } from '../machine.ts';

export interface ReportFacts {
  readonly kind: ReportHead['kind'];
  readonly createdAt: Date;
  readonly command: string | null;
  readonly machine: MachineFacts;
  readonly repetitions: number;
  readonly maxTokens: number | null;
  readonly lanes: number;
  readonly prompts: readonly PromptFacts[];
}

/** A report in the making: takes comparisons as they end and keeps numbers of them. */
export class ReportBuilder {
  readonly #facts: ReportFacts;
  readonly #tally: RunTally;
  readonly #schedules = new Map<string, RunSchedule>();
  #lanes: readonly LaneFacts[] = [];
  #warmUps = 0;

  constructor(facts: ReportFacts) {
    this.#facts = facts;
    this.#tally = new RunTally(facts.lanes, facts.prompts.length);
  }

  addWarmUp(comparison: Comparison): void {
    this.#warmUps++;
    this.#noteLanes(comparison);
    this.#tally.addWarmUp(runsOf(comparison, { prompt: '', language: null, repetition: 0 }));
  }

  /** `prompt` is its index. */
  add(comparison: Comparison, prompt: number, repetition: number): Run[] {
    const { id, language } = this.#facts.prompts[prompt]!;
    const runs = runsOf(comparison, { prompt: id, language, repetition });
    for (const run of runs) this.#tally.add(run, prompt);
    this.#noteLanes(comparison);
    const { taken, reasons } = comparison.schedule;
    const key = JSON.stringify([taken, reasons]);
    const comparisons = (this.#schedules.get(key)?.comparisons ?? 0) + 1;
    this.#schedules.set(key, { taken, reasons: [...reasons], comparisons });
    return runs;
  }

  /** What is known by now; `incomplete` says why there is no more. */
  head(incomplete: string | null): ReportHead {
    const { kind, createdAt, command, machine, repetitions, maxTokens, prompts } = this.#facts;
    const summaries = this.#tally.summaries();
    return {
      format: 'mixgate-report',
      version: 1,
      kind,
      createdAt: createdAt.toISOString(),
      ...{ command, incomplete, machine, repetitions, maxTokens },
      warmUps: this.#warmUps,
      schedules: [...this.#schedules.values()],
      lanes: this.#lanes.map((lane, index) => ({ ...lane, summary: summaries[index]! })),
      prompts: prompts.map((prompt, index) => ({ ...prompt, lanes: this.#tally.summariesOf(index) })),
    };
  }

  /** What was asked for stays as it was first, with the first seed; where it ran is the last word. */
  #noteLanes({ lanes }: Comparison): void {
    this.#lanes = lanes.map((lane, index) => {
      const now = laneFacts(lane);
      const before = this.#lanes[index] ?? now;
      return { ...before, plan: now.plan ?? before.plan };
    });
  }
}

/** One comparison as a report. @throws INVALID_INPUT before it has finished; FORBIDDEN while it may not be told which lane is which */
export function reportOf(
  comparison: Comparison,
  { machine, version, command }: { machine: Machine; version: string; command: string | null },
): { readonly head: ReportHead; readonly runs: readonly Run[] } {
  if (!comparison.finished)
    throw new MixgateError(
      'INVALID_INPUT',
      'The answers are not whole yet: ask when the comparison has finished.',
    );
  if (!comparison.isRevealed)
    throw new MixgateError('FORBIDDEN', 'A report tells which lane is which: vote on the comparison first.');
  const { request } = comparison.lanes[0]!.generation;
  const builder = new ReportBuilder({
    kind: 'COMPARISON',
    createdAt: comparison.createdAt,
    command,
    machine: machineFacts(machine, version),
    repetitions: 1,
    maxTokens: request.maxTokens,
    lanes: comparison.lanes.length,
    prompts: [promptFacts(request.prompt, { id: 'prompt', language: null, tags: [] })],
  });
  const runs = builder.add(comparison, 0, 0);
  const isCancelled = runs.some(({ state }) => state === 'CANCELLED');
  return { head: builder.head(isCancelled ? 'it was cancelled.' : null), runs };
}
