import { scaleLinear } from 'd3-scale';
import type { FIGURES } from '../figures.ts';
import { numberText } from '../figures.ts';
import type { ReportLane } from '../schema.ts';
import type { Spread } from '../statistics.ts';
import { html, type Markup } from './template.ts';

/** Units of the drawing; it is as wide as its place. */
const WIDTH = 360;
const ROW = 44;
const SIDE = 10;
const AXIS = 26;
const LABEL = 40;

type FigureFacts = (typeof FIGURES)[number];

/** A row a lane: a bar to the median, a box between the quartiles, a line from least to most. Null where no lane knows. */
export function chart(figure: FigureFacts, lanes: readonly ReportLane[]): Markup | null {
  const { key, title, unit, scale, better, meaning } = figure;
  const spreads = lanes.map(({ summary }) => scaled(summary.spreads[key], scale));
  const most = Math.max(...spreads.map((spread) => spread?.max ?? -Infinity));
  if (most === -Infinity) return null;
  const x = scaleLinear()
    .domain([0, most === 0 ? 1 : most])
    .nice(3)
    .range([SIDE, WIDTH - SIDE]);
  const height = lanes.length * ROW + AXIS;
  const ticks = x
    .ticks(3)
    .map(
      (value) =>
        html`<g class="tick"
          ><line x1="${x(value)}" x2="${x(value)}" y1="0" y2="${height - AXIS}" /><text
            x="${x(value)}"
            y="${height - 8}"
            text-anchor="${value === 0 ? 'start' : x(value) > WIDTH - 30 ? 'end' : 'middle'}"
            >${numberText(value)}</text
          ></g
        >`,
    );
  const rows = lanes.map(({ label }, lane) => {
    const unknown = lane === 0 && key === 'commonPrefixChars' ? 'the reference' : 'not known';
    return row({ label, lane, spread: spreads[lane]!, unknown, x });
  });
  const said = lanes.map(({ label }, lane) => `${label}: ${spoken(spreads[lane]!, unit)}`).join('. ');
  const hint = better === null ? '' : `, ${better} is better`;
  return html`<figure>
    <figcaption><strong>${title}</strong> <span>${unit}${hint}</span></figcaption>
    <svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="t-${key} d-${key}">
      <title id="t-${key}">${title}, ${unit}</title>
      <desc id="d-${key}">${said}.</desc>
      ${ticks}${rows}
    </svg>
    <p>${meaning}</p>
  </figure>`;
}

interface Row {
  readonly label: string;
  readonly lane: number;
  readonly spread: Spread | null;
  /** What is said where there is no spread. */
  readonly unknown: string;
  readonly x: (value: number) => number;
}

function row({ label, lane, spread, unknown, x }: Row): Markup {
  const top = lane * ROW;
  const name = html`<text x="${SIDE}" y="${top + 15}" class="label">${lane} ${shortened(label)}</text>`;
  if (spread === null)
    return html`${name}<text x="${SIDE}" y="${top + 34}" class="unknown">${unknown}</text>`;
  const { median, q1, q3, min, max } = spread;
  const middle = top + 30;
  const box = html`<rect class="box" x="${x(q1)}" y="${middle - 8}" width="${x(q3) - x(q1)}" height="16" />`;
  const whisker = html`<path
    class="whisker"
    d="M${x(min)} ${middle - 4}v8M${x(min)} ${middle}H${x(max)}M${x(max)} ${middle - 4}v8"
  />`;
  return html`<g class="lane-${lane % 8}">
    ${name}<rect class="bar" x="${x(0)}" y="${middle - 8}" width="${x(median) - x(0)}" height="16" />
    ${min === max ? null : [box, whisker]}
    <line class="median" x1="${x(median)}" x2="${x(median)}" y1="${middle - 9}" y2="${middle + 9}" />
    <text class="figure" x="${WIDTH - SIDE}" y="${top + 15}" text-anchor="end">${numberText(median)}</text>
  </g>`;
}

/** In the middle: where lanes differ is mostly at the end. */
const shortened = (label: string): string =>
  label.length <= LABEL ? label : `${label.slice(0, LABEL / 2 - 1)}…${label.slice(-LABEL / 2)}`;

function scaled(spread: Spread | null, scale: number): Spread | null {
  if (spread === null) return null;
  const { n, median, q1, q3, min, max } = spread;
  return {
    n,
    ...{ median: median / scale, q1: q1 / scale, q3: q3 / scale, min: min / scale, max: max / scale },
  };
}

function spoken(spread: Spread | null, unit: string): string {
  if (spread === null) return 'not known';
  const { n, median, min, max } = spread;
  const range = min === max ? '' : ` (${numberText(min)} to ${numberText(max)})`;
  return `median ${numberText(median)} ${unit}${range}, ${n} run${n === 1 ? '' : 's'}`;
}
