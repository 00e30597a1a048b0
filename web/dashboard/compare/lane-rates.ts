import { scaleLinear } from 'd3-scale';
import { RateMeter } from './rate-meter.ts';

const NONE: readonly number[] = [];

/**
 * Tokens per second of each lane of a comparison. They have listeners of their own, because they change all the time,
 * and nothing else on the page with them.
 */
export class LaneRates {
  readonly #listeners = new Set<() => void>();
  readonly #meters = new Map<number, RateMeter>();
  #most = 1;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The newest last. */
  read(lane: number): readonly number[] {
    return this.#meters.get(lane)?.samples ?? NONE;
  }

  /** What all of them are below, so that they can be drawn at one scale; a round figure, which seldom changes. */
  readonly most = (): number => this.#most;

  add(lane: number, tokens: number): void {
    this.#meterOf(lane).add(tokens);
  }

  sample(lane: number, nowMs: number): void {
    this.#meterOf(lane).sample(nowMs);
    const fastest = Math.max(1, ...[...this.#meters.values()].flatMap(({ samples }) => samples));
    this.#most = scaleLinear([0, fastest], [0, 1]).nice(4).domain()[1]!;
    for (const listener of this.#listeners) listener();
  }

  clear(): void {
    this.#meters.clear();
  }

  #meterOf(lane: number): RateMeter {
    const meter = this.#meters.get(lane) ?? new RateMeter();
    this.#meters.set(lane, meter);
    return meter;
  }
}
