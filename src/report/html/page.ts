import { createHash } from 'node:crypto';
import { firstAnswers } from '../answers.ts';
import { FIGURES, numberText, ratioText, shareText } from '../figures.ts';
import { circumstances, extent, placeText, stateText, TITLES } from '../lines.ts';
import type { Figure, ReportHead, Summary, Runs } from '../schema.ts';
import type { Spread } from '../statistics.ts';
import { LEGEND, promptSection } from './answer.ts';
import { chart } from './chart.ts';
import { STYLE } from './style.ts';
import { html, Markup, type Content } from './template.ts';

/** More would make a page that no browser likes. */
const MOST_PROMPTS = 200;

/** The policy's hash is of its content to the last blank. */
const STYLE_ELEMENT = new Markup(`<style>${STYLE}</style>`);
/** The page may do nothing but look as it does. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/** One file that needs nothing else: no network, no script. */
export async function* htmlPage(head: ReportHead, runs: Runs): AsyncGenerator<string> {
  yield opening(head);
  yield html`${lanesList(head)}${charts(head)}${summaryTable(head)}${failures(head)}${promptTable(head)}`
    .text;
  const prompts = new Map(head.prompts.map((prompt) => [prompt.id, prompt]));
  yield html`<h2>Answers</h2>
    <p class="soft">${answersNote(head)}</p>
    ${LEGEND}`.text;
  for await (const answers of firstAnswers(runs, MOST_PROMPTS))
    yield promptSection(answers, prompts.get(answers.prompt)!, head.lanes).text;
  yield circumstancesTable(head).text;
  yield CLOSING;
}

/** Tags that stay open are strings: a formatter would close them. */
function opening(head: ReportHead): string {
  const { incomplete, command, kind, createdAt } = head;
  const name = TITLES[kind];
  const about = html`<head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="generator" content="mixgate ${head.machine.mixgate}" />
    <title>${name}, ${createdAt.slice(0, 10)}</title>
    ${STYLE_ELEMENT}
  </head>`;
  const early = html`<p class="warn" role="note"><strong>Incomplete:</strong> ${incomplete}</p>`;
  const body = html`<h1>${name}</h1>
    <p class="soft">${extent(head)}, ${createdAt.slice(0, 16).replace('T', ' ')} UTC</p>
    ${incomplete === null ? null : early}
    ${command === null ? null : html`<pre class="block">${command}</pre>`}`;
  return `<!doctype html>\n<html lang="en">${about.text}<body><main>${body.text}`;
}

const CLOSING = '</main></body></html>\n';

const lanesList = ({ lanes }: ReportHead): Markup =>
  html`<h2>Lanes</h2>
    <ol class="lanes">
      ${lanes.map(
        (lane, index) =>
          html`<li class="lane-${index % 8}">
            <strong dir="auto">${index} ${lane.label}</strong><br />${placeText(lane)};
            ${stateText(lane.summary)}
          </li>`,
      )}
    </ol>`;

const charts = ({ lanes }: ReportHead): Markup =>
  html`<h2>Measured</h2>
    <p class="soft">
      Lines are medians, boxes hold the middle half of the runs, thin lines reach from the least to the most.
    </p>
    <div class="charts">${FIGURES.map((figure) => chart(figure, lanes))}</div>`;

/** Wider than a phone: it scrolls by itself, by keyboard too. */
const scrolling = (name: string, content: Markup): Markup =>
  html`<div class="scroll" role="region" aria-label="${name}" tabindex="0">${content}</div>`;

const number = (content: Content): Markup => html`<td class="number">${content}</td>`;

function summaryTable({ lanes }: ReportHead): Markup {
  const summaries = lanes.map(({ summary }) => summary);
  const known = FIGURES.filter(({ key }) => summaries.some(({ spreads }) => spreads[key] !== null));
  const rows = known.map(
    ({ key, title, unit, scale }) =>
      html`<tr>
        <th scope="row">${title}, ${unit}</th>
        ${summaries.map((summary, lane) =>
          number(spreadCell(summary, key, { scale, isReference: lane === 0 })),
        )}
      </tr>`,
  );
  const share = (name: string, read: (summary: Summary) => number | null) =>
    html`<tr>
      <th scope="row">${name}</th>
      ${summaries.map((summary) => number(shareText(read(summary))))}
    </tr>`;
  return html`<h2>Figures</h2>
    ${scrolling(
      'Figures',
      html`<table>
        <caption>
          Medians; below them the quartiles, and how many runs tell. × is against lane 0, by the runs that
          tell of both.
        </caption>
        <thead>
          <tr>
            <td></td>
            ${lanes.map((_, lane) => html`<th scope="col" class="number">Lane ${lane}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}${share('Drifted to another language', ({ driftShare }) => driftShare)}${share(
            "Same text as lane 0's",
            ({ sameTextShare }) => sameTextShare,
          )}
        </tbody>
      </table>`,
    )}`;
}

function spreadCell(
  { spreads, ratios }: Summary,
  key: Figure,
  { scale, isReference }: { scale: number; isReference: boolean },
): Content {
  const spread: Spread | null = spreads[key];
  if (spread === null) return '–';
  const [median, q1, q3] = [spread.median, spread.q1, spread.q3].map((value) => numberText(value / scale));
  const ratio = isReference || ratios[key] === null ? '' : ` ${ratioText(ratios[key])}`;
  return html`${median!}${ratio}<small>${q1!}–${q3!}, n ${spread.n}</small>`;
}

function failures({ lanes }: ReportHead): Markup | null {
  const rows = lanes.flatMap(({ summary }, lane) =>
    summary.failures.map(
      ({ code, message, count }) =>
        html`<tr>
          ${number(lane)}${number(count)}
          <td>${code}</td>
          <td class="any">${message}</td>
        </tr>`,
    ),
  );
  if (rows.length === 0) return null;
  return html`<h2>Failures</h2>
    ${scrolling(
      'Failures',
      html`<table>
        <thead>
          <tr>
            <th scope="col" class="number">Lane</th>
            <th scope="col" class="number">Times</th>
            <th scope="col">Code</th>
            <th scope="col">Message</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>`,
    )}`;
}

function promptTable({ prompts }: ReportHead): Markup {
  const median = ({ spreads }: Summary, key: Figure, scale = 1) => {
    const spread = spreads[key];
    return number(spread === null ? '–' : numberText(spread.median / scale));
  };
  const rows = prompts.slice(0, MOST_PROMPTS).flatMap(({ id, lanes }) =>
    lanes.map(
      (summary, lane) =>
        html`<tr>
          <th scope="row" dir="auto">${id}</th>
          ${number(lane)}${number(summary.completed)}
          ${median(summary, 'evalTokensPerSecond')}${median(summary, 'firstTokenMs')}${median(summary, 'consistency', 0.01)}
          ${number(shareText(summary.driftShare))}${median(summary, 'commonPrefixChars')}${number(shareText(summary.sameTextShare))}
        </tr>`,
    ),
  );
  const heads = ['Lane', 'Completed', 'Eval, tokens/s', 'First token, ms', 'Consistency, %', 'Drifted'];
  return html`<h2>By prompt</h2>
    ${scrolling(
      'By prompt',
      html`<table>
        <thead>
          <tr>
            <th scope="col">Prompt</th>
            ${[...heads, 'Common prefix', 'Same text'].map(
              (name) => html`<th scope="col" class="number">${name}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>`,
    )}`;
}

const answersNote = ({ prompts }: ReportHead): string =>
  `Of the first repetition${prompts.length > MOST_PROMPTS ? `, of the first ${MOST_PROMPTS} prompts` : ''}. The JSON report has every run.`;

function circumstancesTable(head: ReportHead): Markup {
  const rows = circumstances(head).map(
    ([name, value]) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td class="any">${value}</td>
      </tr>`,
  );
  return html`<h2>Circumstances</h2>
    ${scrolling(
      'Circumstances',
      html`<table>
        <tbody>
          ${rows}
        </tbody>
      </table>`,
    )}`;
}
