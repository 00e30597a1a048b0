import { piecesOf, type Answers, type Piece } from '../answers.ts';
import { numberText } from '../figures.ts';
import { promptText } from '../lines.ts';
import type { ReportLane, ReportPrompt, Run } from '../schema.ts';
import { html, type Markup } from './template.ts';

const LANGUAGES = new Intl.DisplayNames('en', { type: 'language', fallback: 'code' });

export const languageName = (language: string): string => LANGUAGES.of(language) ?? language;

/** A prompt and what each lane said to it, side by side. */
export function promptSection({ runs }: Answers, prompt: ReportPrompt, lanes: readonly ReportLane[]): Markup {
  return html`<section>
    <h3 dir="auto">${prompt.id}</h3>
    <pre class="block" dir="auto">${promptText(prompt)}</pre>
    <div class="answers">${runs.map((run) => answer(run, lanes[run.lane]!))}</div>
  </section>`;
}

const answer = (run: Run, { label }: ReportLane): Markup =>
  html`<article class="lane-${run.lane % 8}">
    <h4 dir="auto">${run.lane} ${label}</h4>
    <p>${facts(run).join(' · ')}</p>
    <pre dir="auto">${piecesOf(run).map(piece)}</pre>
  </article>`;

function facts(run: Run): string[] {
  const { state, error, completionTokens, evalTokensPerSecond, answerLanguage } = run;
  if (error !== null) return [`failed: ${error.code}`, error.message];
  const rate = evalTokensPerSecond === null ? [] : [`${numberText(evalTokensPerSecond)} tokens/s`];
  return [
    ...(state === 'CANCELLED' ? ['cancelled'] : []),
    `${completionTokens} tokens`,
    ...rate,
    ...(answerLanguage === null ? [] : [languageName(answerLanguage)]),
    ...parting(run),
    ...(run.driftOffset === null ? [] : [`drifts at character ${run.driftOffset}`]),
  ];
}

function parting({ isSameText, commonPrefixChars }: Run): string[] {
  if (isSameText === null) return [];
  return [isSameText ? "lane 0's text" : `parts from lane 0 at character ${commonPrefixChars}`];
}

function piece({ text, isFirstDifference, isDriftStart, isShared, foreign }: Piece): Markup {
  const name = foreign === undefined || foreign === null ? 'another language' : languageName(foreign);
  const body =
    foreign === undefined
      ? html`${text}`
      : html`<mark title="${name}">${text}<span class="only-read"> (${name}) </span></mark>`;
  return html`${isFirstDifference ? PARTING : null}${isDriftStart ? DRIFT : null}${
    isShared ? html`<span class="shared">${body}</span>` : body
  }`;
}

/** With words for who hears the page. */
const PARTING = html`<span class="parting" aria-hidden="true">▸</span
  ><span class="only-read"> (first difference) </span>`;
const DRIFT = html`<span class="drifting" aria-hidden="true">⚑</span
  ><span class="only-read"> (drifts here) </span>`;

export const LEGEND = html`<ul class="legend">
  <li><span class="shared">Grey</span>: as lane 0's</li>
  <li><span class="parting" aria-hidden="true">▸</span> parts from lane 0's</li>
  <li><span class="drifting" aria-hidden="true">⚑</span> leaves the language expected</li>
  <li><mark>Marked</mark>: in another language</li>
</ul>`;
