import pc from 'picocolors';
import type { BenchEvent } from '../generation/bench/bench.ts';
import type { ComparisonLane } from '../generation/comparison/comparison.ts';
import { FIGURES, numberText, ratioText, shareText } from '../report/figures.ts';
import type { Figure, ReportHead, ReportLane, Run } from '../report/schema.ts';
import { spreadOf } from '../report/statistics.ts';
import { live } from './live.ts';
import { shorten, table, type Column } from './table.ts';

type Shown = Exclude<BenchEvent, { type: 'ENDED' }>;

export interface BenchView {
  show(event: Shown): void;
  stop(): void;
}

const LABEL_LENGTH = 48;

interface LiveLane {
  readonly lane: ComparisonLane;
  readonly rates: number[];
  completed: number;
  failed: number;
}

const LIVE: readonly Column<LiveLane>[] = [
  { head: 'lane', cell: ({ lane }) => shorten(lane.label, LABEL_LENGTH) },
  { head: 'now', cell: ({ lane }) => lane.generation.state.toLowerCase(), keep: 2 },
  {
    head: 'tokens',
    cell: ({ lane }) => String(lane.generation.usage.completionTokens),
    align: 'right',
    keep: 1,
  },
  { head: 'completed', cell: ({ completed }) => String(completed), align: 'right' },
  { head: 'failed', cell: ({ failed }) => String(failed), align: 'right', keep: 3 },
  { head: 'median tok/s', cell: ({ rates }) => rateText(rates), align: 'right' },
];

const rateText = (rates: readonly number[]): string => {
  const spread = spreadOf(rates);
  return spread === null ? '–' : numberText(spread.median);
};

/** On standard error: a table that lives or, where that is no terminal, a line for each comparison. */
export function benchView(isSilent: boolean): BenchView {
  if (isSilent) return { show: () => undefined, stop: () => undefined };
  if (!process.stderr.isTTY)
    return { show: (event) => process.stderr.write(line(event)), stop: () => undefined };
  let lanes: LiveLane[] = [];
  let place = '';
  const drawing = live((width) =>
    lanes.length === 0 ? '' : `${pc.dim(place)}\n${table(LIVE, lanes, { width })}`,
  );
  return {
    show(event) {
      const { comparison, step } = event;
      place = placeText(step);
      lanes = comparison.lanes.map((lane, index) => ({
        ...(lanes[index] ?? { rates: [], completed: 0, failed: 0 }),
        lane,
      }));
      if (event.type === 'FINISHED') for (const run of event.runs) note(lanes[run.lane]!, run);
    },
    stop: () => drawing.stop(),
  };
}

function note(lane: LiveLane, { state, evalTokensPerSecond }: Run): void {
  if (state === 'COMPLETED') lane.completed++;
  if (state === 'FAILED') lane.failed++;
  if (state === 'COMPLETED' && evalTokensPerSecond !== null) lane.rates.push(evalTokensPerSecond);
}

function placeText({ prompt, repetition, done, total }: Shown['step']): string {
  const now = prompt === null ? 'warming up' : `${prompt}, repetition ${repetition + 1}`;
  return `${done} of ${total}: ${now}`;
}

/** Nothing before there is something to tell. */
function line(event: Shown): string {
  if (event.type === 'STARTED') return '';
  const lanes = event.runs.map(({ lane, state, error, evalTokensPerSecond: rate }) => {
    const result = rate === null ? (error?.code ?? state.toLowerCase()) : `${numberText(rate)} tok/s`;
    return `lane ${lane} ${result}`;
  });
  return `${placeText(event.step)}: ${lanes.join(', ')}\n`;
}

type Row = ReportLane;

const figure = (key: Figure, head: string, keep?: number): Column<Row> => {
  const { scale } = FIGURES.find((each) => each.key === key)!;
  return {
    head,
    cell: ({ summary: { spreads } }) => {
      const spread = spreads[key];
      if (spread === null) return '–';
      const [median, half] = [spread.median, (spread.q3 - spread.q1) / 2].map((value) =>
        numberText(value / scale),
      );
      return spread.n === 1 ? median! : `${median} ±${half}`;
    },
    align: 'right',
    ...(keep === undefined ? {} : { keep }),
  };
};

const COLUMNS: readonly Column<Row>[] = [
  { head: 'lane', cell: ({ label }) => shorten(label, LABEL_LENGTH) },
  {
    head: 'runs',
    cell: ({ summary: { completed, failed, cancelled } }) => `${completed}/${completed + failed + cancelled}`,
    align: 'right',
  },
  figure('evalTokensPerSecond', 'eval tok/s'),
  {
    head: 'ratio',
    cell: ({ summary: { ratios } }) => ratioText(ratios.evalTokensPerSecond),
    align: 'right',
    keep: 8,
  },
  figure('promptTokensPerSecond', 'prompt tok/s', 6),
  figure('firstTokenMs', 'first token ms', 7),
  figure('loadMs', 'load ms', 4),
  figure('memoryBytes', 'MiB', 5),
  figure('joulesPerToken', 'J/token', 2),
  figure('consistency', 'language %', 6),
  { head: 'drifted', cell: ({ summary }) => shareText(summary.driftShare), align: 'right', keep: 6 },
  figure('commonPrefixChars', 'shared chars', 3),
  { head: 'same text', cell: ({ summary }) => shareText(summary.sameTextShare), align: 'right', keep: 5 },
];

/** Medians, give or take half of what lies between the quartiles; then what went wrong. */
export function benchSummary({ lanes, incomplete }: ReportHead): string {
  const failures = lanes.flatMap(({ label, summary }) =>
    summary.failures.map(({ code, message, count }) => `${label}: ${count} × ${pc.red(code)} ${message}\n`),
  );
  const note = incomplete === null ? '' : `${pc.yellow('Incomplete')}: ${incomplete}\n`;
  return `${table(COLUMNS, lanes)}\n${failures.join('')}${note}`;
}
