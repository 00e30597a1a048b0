import { scaleLinear } from 'd3-scale';

export interface BarRow {
  readonly key: string;
  readonly name: string;
  /** One after the other, in one unit. */
  readonly bars: readonly (readonly [part: string, value: number])[];
}

export interface BarChartProps {
  readonly title: string;
  readonly rows: readonly BarRow[];
  readonly parts: readonly (readonly [part: string, name: string])[];
  /** What round figures are multiples of: 1, or 2^20 where values are mebibytes. */
  readonly unit?: number;
  readonly format: (value: number) => string;
}

const TICKS = 2;
const RIGHT_SIDE = 60;

/** A bar for each lane on one scale. For the eye only: a table beside it says the same in figures. */
export function BarChart({ title, rows, parts, unit = 1, format }: BarChartProps) {
  const most = Math.max(0, ...rows.map(({ bars }) => bars.reduce((sum, [, value]) => sum + value, 0)));
  if (most === 0) return null;
  const scale = scaleLinear([0, most / unit], [0, 100]).nice(TICKS);
  return (
    <figure className="bar-chart" aria-hidden="true">
      <figcaption>{title}</figcaption>
      {rows.map(({ key, name, bars }) => (
        <div key={key} className="bar-row">
          <span className="name">{name}</span>
          <span className="track">
            {bars.map(([part, value]) => (
              <span key={part} data-part={part} style={{ width: `${scale(value / unit)}%` }} />
            ))}
          </span>
        </div>
      ))}
      <div className="bar-row">
        <span />
        <span className="axis">
          {scale.ticks(TICKS).map((tick) => (
            <span
              key={tick}
              data-side={scale(tick) > RIGHT_SIDE ? 'left' : 'right'}
              style={{ left: `${scale(tick)}%` }}
            >
              {format(tick * unit)}
            </span>
          ))}
        </span>
      </div>
      <ul className="legend">
        {parts.map(([part, name]) => (
          <li key={part}>
            <i data-part={part} /> {name}
          </li>
        ))}
      </ul>
    </figure>
  );
}
