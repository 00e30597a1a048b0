import { scaleLinear } from 'd3-scale';
import { area, curveMonotoneX, line } from 'd3-shape';
import { useSyncExternalStore } from 'react';
import { useSpeech } from '../text/language.tsx';
import type { LaneRates } from './lane-rates.ts';
import { currentRate } from './rate-meter.ts';

export interface SparklineProps {
  readonly rates: LaneRates;
  readonly lane: number;
  /** As the gateway measured it in the end; null while it runs. */
  readonly measured: number | null;
}

const WIDTH = 120;
const HEIGHT = 28;

/** How fast a lane writes; the figure beside it says it to those who do not see the line. */
export function Sparkline({ rates, lane, measured }: SparklineProps) {
  const { texts, formats } = useSpeech();
  const samples = useSyncExternalStore(rates.subscribe, () => rates.read(lane));
  const most = useSyncExternalStore(rates.subscribe, rates.most);
  const rate = measured ?? currentRate(samples);
  if (rate === null) return null;
  const x = scaleLinear([0, Math.max(1, samples.length - 1)], [0, WIDTH]);
  const y = scaleLinear([0, most], [HEIGHT - 1, 1]);
  const points = [...samples];
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
      {samples.length > 1 && (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <path className="fill" d={fill(points) ?? undefined} />
          <path className="stroke" d={stroke(points) ?? undefined} />
        </svg>
      )}
      <span>{texts.compare.rate(formats.decimal(rate))}</span>
    </p>
  );
}
