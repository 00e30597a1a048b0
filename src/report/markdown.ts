import type { PhrasingContent, RootContent } from 'mdast';
import { gfmTableToMarkdown } from 'mdast-util-gfm-table';
import { toMarkdown } from 'mdast-util-to-markdown';
import { firstAnswers } from './answers.ts';
import { FIGURES, numberText, ratioText, shareText } from './figures.ts';
import { circumstances, extent, placeText, promptText, stateText, TITLES } from './lines.ts';
import type { Figure, ReportHead, ReportLane, ReportPrompt, Run, Summary, Runs } from './schema.ts';

/** GitHub takes 65,536 characters in a comment: a few answers, and the rest in the other formats. */
const MOST_ANSWERS = 12;
const MAX_ANSWER = 1500;
const MOST_PROMPTS = 50;

const text = (value: string): PhrasingContent => ({ type: 'text', value });
/** In which nothing is a mention, a link or markup. */
const code = (value: string): PhrasingContent => ({ type: 'inlineCode', value });
const paragraph = (...children: PhrasingContent[]): RootContent => ({ type: 'paragraph', children });
const heading = (depth: 1 | 2 | 3, ...children: PhrasingContent[]): RootContent => ({
  type: 'heading',
  depth,
  children,
});
const block = (value: string): RootContent => ({ type: 'code', value });
/** Ours alone: nothing that was given or answered goes through it. */
const markup = (value: string): RootContent => ({ type: 'html', value });

interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row, index: number) => PhrasingContent;
  readonly isNumber?: boolean;
}

const table = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): RootContent => ({
  type: 'table',
  align: columns.map(({ isNumber }) => (isNumber === true ? 'right' : null)),
  children: [
    row(columns.map(({ head }) => text(head))),
    ...rows.map((each, index) => row(columns.map(({ cell }) => cell(each, index)))),
  ],
});

const row = (cells: readonly PhrasingContent[]) => ({
  type: 'tableRow' as const,
  children: cells.map((cell) => ({ type: 'tableCell' as const, children: [cell] })),
});

const written = (...children: RootContent[]): string =>
  `${toMarkdown({ type: 'root', children }, { extensions: [gfmTableToMarkdown()], bullet: '-' })}\n`;

/** For a pull request: tables first, then what the lanes said. */
export async function* markdown(head: ReportHead, runs: Runs): AsyncGenerator<string> {
  yield written(...opening(head), ...summaryTables(head), ...failureList(head));
  yield written(heading(2, text('Prompts')), ...promptTables(head));
  yield written(heading(2, text('Answers')), paragraph(text(answersNote(head))));
  const prompts = new Map(head.prompts.map((prompt) => [prompt.id, prompt]));
  for await (const answers of firstAnswers(runs, MOST_ANSWERS))
    yield written(...answersOf(prompts.get(answers.prompt)!, answers.runs, head.lanes));
  yield written(heading(2, text('Circumstances')), table(CIRCUMSTANCES, circumstances(head)));
}

function opening(head: ReportHead): RootContent[] {
  const { incomplete, command } = head;
  return [
    heading(1, text(TITLES[head.kind])),
    paragraph(text(`${extent(head)}. Medians, with quartiles in brackets; × is against lane 0.`)),
    ...(incomplete === null
      ? []
      : [paragraph({ type: 'strong', children: [text('Incomplete')] }, text(`: ${incomplete}`))]),
    ...(command === null ? [] : [block(command)]),
    {
      type: 'list',
      ordered: true,
      start: 0,
      spread: false,
      children: head.lanes.map((lane) => ({
        type: 'listItem' as const,
        children: [
          {
            type: 'paragraph' as const,
            children: [code(lane.label), text(`: ${placeText(lane)}; ${stateText(lane.summary)}`)],
          },
        ],
      })),
    },
  ];
}

const isKnown = (key: Figure, summaries: readonly Summary[]): boolean =>
  summaries.some(({ spreads }) => spreads[key] !== null);

/** A row a figure, a column a lane: as many lanes as there are fit in a pull request. */
function summaryTables({ lanes }: ReportHead): RootContent[] {
  const summaries = lanes.map(({ summary }) => summary);
  const rows = FIGURES.filter(({ key }) => isKnown(key, summaries)).map(({ key, title, unit, scale }) => ({
    name: `${title}, ${unit}`,
    cells: summaries.map(({ spreads, ratios }, lane) =>
      spreadText(spreads[key], ratios[key], { scale, lane }),
    ),
  }));
  const shares = [
    { name: 'Drifted to another language', cells: summaries.map(({ driftShare }) => shareText(driftShare)) },
    { name: "Same text as lane 0's", cells: summaries.map(({ sameTextShare }) => shareText(sameTextShare)) },
  ];
  const columns: Column<(typeof rows)[number]>[] = [
    { head: '', cell: ({ name }) => text(name) },
    ...lanes.map((_, lane) => ({
      head: `Lane ${lane}`,
      isNumber: true,
      cell: ({ cells }: (typeof rows)[number]) => text(cells[lane]!),
    })),
  ];
  return [table(columns, [...rows, ...shares])];
}

/** `1234 (1200–1250) ×1.10` */
function spreadText(
  spread: Summary['spreads'][Figure],
  ratio: number | null,
  { scale, lane }: { scale: number; lane: number },
): string {
  if (spread === null) return '–';
  const [median, q1, q3] = [spread.median, spread.q1, spread.q3].map((value) => numberText(value / scale));
  const quartiles = spread.n === 1 || spread.q1 === spread.q3 ? '' : ` (${q1}–${q3})`;
  return `${median}${quartiles}${lane === 0 || ratio === null ? '' : ` ${ratioText(ratio)}`}`;
}

function failureList({ lanes }: ReportHead): RootContent[] {
  const failures = lanes.flatMap(({ summary }, lane) => summary.failures.map((each) => ({ lane, ...each })));
  if (failures.length === 0) return [];
  return [
    heading(2, text('Failures')),
    table(
      [
        { head: 'Lane', cell: ({ lane }) => text(String(lane)), isNumber: true },
        { head: 'Times', cell: ({ count }) => text(String(count)), isNumber: true },
        { head: 'Code', cell: ({ code: name }) => code(name) },
        { head: 'Message', cell: ({ message }) => text(message) },
      ],
      failures,
    ),
  ];
}

interface PromptRow extends Summary {
  readonly id: string;
  readonly lane: number;
}

const median =
  (key: Figure, scale = 1) =>
  ({ spreads }: PromptRow): PhrasingContent => {
    const spread = spreads[key];
    return text(spread === null ? '–' : numberText(spread.median / scale));
  };

const PROMPT_COLUMNS: readonly Column<PromptRow>[] = [
  { head: 'Prompt', cell: ({ id }) => code(id) },
  { head: 'Lane', cell: ({ lane }) => text(String(lane)), isNumber: true },
  { head: 'Completed', cell: ({ completed }) => text(String(completed)), isNumber: true },
  { head: 'Eval, tokens/s', cell: median('evalTokensPerSecond'), isNumber: true },
  { head: 'First token, ms', cell: median('firstTokenMs'), isNumber: true },
  { head: 'Consistency, %', cell: median('consistency', 0.01), isNumber: true },
  { head: 'Drifted', cell: ({ driftShare }) => text(shareText(driftShare)), isNumber: true },
  { head: 'Common prefix', cell: median('commonPrefixChars'), isNumber: true },
];

function promptTables({ prompts }: ReportHead): RootContent[] {
  const shown = prompts.slice(0, MOST_PROMPTS);
  const rows = shown.flatMap(({ id, lanes }) => lanes.map((summary, lane) => ({ id, lane, ...summary })));
  const rest = prompts.length - shown.length;
  const note = `${rest} more prompts are in the JSON report.`;
  return [table(PROMPT_COLUMNS, rows), ...(rest === 0 ? [] : [paragraph(text(note))])];
}

const answersNote = ({ prompts }: ReportHead): string =>
  `Of the first repetition${prompts.length > MOST_ANSWERS ? `, of the first ${MOST_ANSWERS} prompts` : ''}; all of them are in the JSON and CSV reports.`;

const answersOf = (
  prompt: ReportPrompt,
  runs: readonly Run[],
  lanes: readonly ReportLane[],
): RootContent[] => [
  heading(3, code(prompt.id)),
  block(shortened(promptText(prompt))),
  markup('<details><summary>Answers</summary>'),
  ...runs.flatMap((run) => [
    paragraph(code(lanes[run.lane]!.label), text(` ${remark(run)}`)),
    block(shortened(run.text)),
  ]),
  markup('</details>'),
];

const shortened = (value: string): string =>
  value.length <= MAX_ANSWER ? value : `${value.slice(0, MAX_ANSWER)}…`;

/** What there is to say of an answer. */
function remark({ state, error, commonPrefixChars, isSameText, driftOffset, answerLanguage }: Run): string {
  if (error !== null) return `failed: ${error.code}. ${error.message}`;
  if (state === 'CANCELLED') return 'was cancelled.';
  const parts = [
    isSameText === true ? "is lane 0's text" : null,
    isSameText === false ? `parts from lane 0's text at character ${commonPrefixChars}` : null,
    driftOffset === null ? null : `drifts at character ${driftOffset}`,
    answerLanguage === null ? null : `is in ${answerLanguage}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? '' : `${parts.join(', ')}.`;
}

const CIRCUMSTANCES: readonly Column<[string, string]>[] = [
  { head: 'What', cell: ([name]) => text(name) },
  { head: 'Value', cell: ([, value]) => text(value) },
];
