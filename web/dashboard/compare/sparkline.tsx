import { scaleLinear } from 'd3-scale';
import { area, curveMonotoneX, line } from 'd3-shape';
import { useSpeech } from '../text/language.tsx';
import { currentRate } from './rate-meter.ts';

export interface SparklineProps {
  /** Tokens per second, the newest last. */
  readonly rates: readonly number[];
  /** The fastest of all lanes, so that they can be compared. */
  readonly fastest: number;
  /** As the gateway measured it in the end; null while it runs. */
  readonly measured: number | null;
}

const WIDTH = 120;
const HEIGHT = 28;

/** How fast a lane writes; the figure beside it says it to those who do not see the line. */
export function Sparkline({ rates, fastest, measured }: SparklineProps) {
  const { texts, formats } = useSpeech();
  const rate = measured ?? currentRate(rates);
  if (rate === null) return null;
  const x = scaleLinear([0, Math.max(1, rates.length - 1)], [0, WIDTH]);
  const y = scaleLinear([0, Math.max(fastest, 1)], [HEIGHT - 1, 1]);
  const points = [...rates];
  const stroke = line<number>(
    (_, index) => x(index),
    (each) => y(each),
  ).curve(curveMonotoneX);
  const fill = area<number>(
    (_, index) => x(index),
    HEIGHT,
    (each) => y(each),
  ).curve(curveMonotoneX);
  return (
    <p className="rate">
      {rates.length > 1 && (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <path className="fill" d={fill(points) ?? undefined} />
          <path className="stroke" d={stroke(points) ?? undefined} />
        </svg>
      )}
      <span>{texts.compare.rate(formats.decimal(rate))}</span>
    </p>
  );
}
