import pc from 'picocolors';
import type { TokenCandidate } from '../backends/backend.ts';
import type { Comparison, ComparisonLane } from '../generation/comparison/comparison.ts';
import type { ScheduleDecision } from '../generation/comparison/schedule.ts';
import type { StageTiming } from '../generation/events.ts';
import { commonPrefix } from '../generation/comparison/divergence.ts';
import { gib } from './format.ts';
import { live } from './live.ts';
import { shorten, table, type Column } from './table.ts';

const LABEL_LENGTH = 48;
/** Where an answer parts from lane 0's. */
const MARK = '▸';

const number = (value: number | null | undefined, digits = 1): string =>
  value === null || value === undefined ? '–' : value.toFixed(digits);

const LIVE: readonly Column<ComparisonLane>[] = [
  { head: 'lane', cell: ({ label }) => shorten(label, LABEL_LENGTH) },
  { head: 'state', cell: ({ generation }) => generation.state.toLowerCase() },
  { head: 'tokens', cell: ({ generation }) => String(generation.usage.completionTokens), align: 'right' },
  { head: 'tokens/s', cell: (lane) => number(liveRate(lane)), align: 'right', keep: 1 },
];

/** As the runtime measured it or, while it runs, since the first token. */
function liveRate({ generation }: ComparisonLane): number | null {
  const { timings, firstTokenAt, usage, hasEnded } = generation;
  if (timings !== null) return timings.eval.tokensPerSecond;
  if (firstTokenAt === null || hasEnded) return null;
  const ms = Date.now() - firstTokenAt.getTime();
  return ms === 0 ? null : (usage.completionTokens * 1000) / ms;
}

/** A live table of the lanes on standard error until `stop`; nothing where that is no terminal. */
export const liveTable = ({ lanes }: Comparison): { stop(): void } =>
  live((width) => table(LIVE, lanes, { width }));

export const scheduleLine = ({ taken, reasons }: ScheduleDecision): string =>
  `${taken === 'TOGETHER' ? 'together' : 'in turn'}: ${reasons.join(' ')}`;

/** Every answer under its label, with a mark where it parts from the first one. */
export function answers(comparison: Comparison): string {
  return comparison.lanes
    .map(({ label, generation }, index) => {
      const { text, error } = generation;
      const shared = comparison.divergence(index)?.commonPrefixChars ?? null;
      const isSame = shared === null || (index > 0 && text === comparison.lanes[0]!.generation.text);
      const marked = isSame ? text : `${text.slice(0, shared)}${pc.yellow(MARK + text.slice(shared))}`;
      const problem = error === null ? '' : `\n${pc.red(error.code)} ${error.message}`;
      return `${pc.bold(label)}\n${marked}${problem}\n`;
    })
    .join('\n');
}

/** How much of the common text is shown, characters. */
const SHOWN_BEFORE = 24;

/** A line for each lane whose models told what they held likely where it parts from lane 0. */
export function partings(comparison: Comparison): string {
  const lines = comparison.lanes.flatMap(({ label, generation }, index) => {
    const [divergence, candidates] = [comparison.divergence(index), comparison.candidates(index)];
    if (divergence === null || candidates === null) return [];
    const { own, ownToken, reference, referenceToken } = candidates;
    const [here, there] = [find(own ?? reference, ownToken), find(own ?? reference, referenceToken)];
    // Tokens may begin alike: their text begins before the first character that differs.
    const end = divergence.commonPrefixChars - commonPrefix(here.text, there.text);
    const before = quoted(tail(generation.text.slice(0, end)));
    const drawn = [likelihood(here.text, own, ownToken), likelihood(there.text, reference, referenceToken)];
    const token = divergence.firstDifferentToken;
    const name = shorten(label, LABEL_LENGTH);
    return [`${name} parts from lane 0 at token ${token} after ${before}: ${drawn.join(' / ')}\n`];
  });
  return lines.length === 0 ? '' : `${lines.join('')}\n`;
}

const find = (candidates: readonly TokenCandidate[] | null, drawn: number): TokenCandidate =>
  candidates!.find(({ token }) => token === drawn)!;

const quoted = (text: string): string => JSON.stringify(text);

function tail(text: string): string {
  const characters = [...text];
  return characters.length > SHOWN_BEFORE ? `…${characters.slice(-SHOWN_BEFORE).join('')}` : text;
}

/** The token that was drawn, and how likely its model held it. */
function likelihood(text: string, candidates: readonly TokenCandidate[] | null, drawn: number): string {
  if (candidates === null) return `${quoted(text)} –`;
  const percent = 100 * find(candidates, drawn).probability;
  return `${quoted(text)} ${percent.toLocaleString('en', { maximumSignificantDigits: 2 })} %`;
}

type Measured = ComparisonLane & { readonly index: number; readonly comparison: Comparison };

const rate = (stage: StageTiming | undefined): string => number(stage?.tokensPerSecond);

const MEASURED: readonly Column<Measured>[] = [
  { head: 'lane', cell: ({ label }) => shorten(label, LABEL_LENGTH) },
  { head: 'runs', cell: ({ generation }) => generation.plan?.quantization ?? '–', keep: 8 },
  { head: 'on', cell: ({ generation }) => shorten(generation.plan?.deviceName ?? '–', 24), keep: 3 },
  { head: 'state', cell: ({ generation }) => generation.state.toLowerCase(), keep: 5 },
  {
    head: 'load ms',
    cell: ({ generation }) => number(generation.timings?.loadMs, 0),
    align: 'right',
    keep: 4,
  },
  {
    head: 'first token ms',
    cell: ({ generation }) => number(generation.timings?.timeToFirstTokenMs, 0),
    align: 'right',
    keep: 7,
  },
  {
    head: 'prompt tok/s',
    cell: ({ generation }) => rate(generation.timings?.promptEval),
    align: 'right',
    keep: 6,
  },
  { head: 'eval tok/s', cell: ({ generation }) => rate(generation.timings?.eval), align: 'right' },
  {
    head: 'tokens',
    cell: ({ generation }) => String(generation.usage.completionTokens),
    align: 'right',
    keep: 6,
  },
  {
    head: 'memory',
    cell: ({ generation: { measuredBytes } }) => (measuredBytes === null ? '–' : gib(measuredBytes)),
    align: 'right',
    keep: 9,
  },
  {
    head: 'J/token',
    cell: ({ index, comparison }) => number(comparison.energyPerToken(index), 3),
    align: 'right',
    keep: 2,
  },
  { head: 'differs from', cell: differsFrom, keep: 8 },
];

/** The token and the character where it parts from lane 0. */
function differsFrom({ index, comparison, generation }: Measured): string {
  const divergence = comparison.divergence(index);
  if (divergence === null) return '–';
  const { firstDifferentToken: token, commonPrefixChars: character } = divergence;
  if (generation.text === comparison.lanes[0]!.generation.text) return 'same text';
  return token === null ? `character ${character}` : `token ${token}, character ${character}`;
}

/** What was measured, side by side. */
export const measurements = (comparison: Comparison): string =>
  table(
    MEASURED,
    comparison.lanes.map((lane, index) => ({ ...lane, index, comparison })),
  );
