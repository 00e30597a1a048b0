import type { Browser, Page } from 'playwright-core';

/** What a page took of its browser while it was watched. */
export interface Watched {
  /** What `count` has risen by. */
  readonly counted: number;
  readonly seconds: number;
  /** Frames that were drawn, and that were due and were not. */
  readonly drawn: number;
  readonly dropped: number;
  /** Between two callbacks of requestAnimationFrame, milliseconds. */
  readonly frameMs: readonly number[];
  /** Milliseconds of the main thread's processor time per second. */
  readonly scriptMs: number;
  readonly styleMs: number;
  readonly layoutMs: number;
}

interface TraceEvent {
  readonly name: string;
}

const CATEGORIES = ['disabled-by-default-devtools.timeline.frame', 'devtools.timeline'];

/** As text: what tsx makes of a function asks for a helper that the page does not have. */
const WATCH = `(ms) => new Promise((resolve) => {
  const frames = [];
  const startedAt = performance.now();
  requestAnimationFrame(function frame(at) {
    frames.push(at);
    if (at - startedAt < ms) requestAnimationFrame(frame);
    else resolve(frames.slice(1).map((each, index) => each - frames[index]));
  });
})`;

interface Watching {
  readonly browser: Browser;
  readonly page: Page;
  readonly ms: number;
  readonly count: () => number;
}

/** Watches a page for so long: Chromium's own trace of its frames, its counters, and the page's own frames. */
export async function watchFrames({ browser, page, ms, count }: Watching): Promise<Watched> {
  const session = await page.context().newCDPSession(page);
  // Processor time of the main thread: what others do on the machine is not in it.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const counters = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return new Map(metrics.map(({ name, value }) => [name, value]));
  };
  await browser.startTracing(page, { categories: CATEGORIES });
  const before = await counters();
  const countBefore = count();
  const startedAt = performance.now();
  const frameMs = await page.evaluate<number[]>(`(${WATCH})(${ms})`);
  const endedAt = performance.now();
  const counted = count() - countBefore;
  const after = await counters();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const inTrace = (name: string): number => trace.traceEvents.filter((event) => event.name === name).length;
  const seconds = (endedAt - startedAt) / 1000;
  const perSecond = (name: string): number => (1000 * (after.get(name)! - before.get(name)!)) / seconds;
  return {
    counted,
    seconds,
    drawn: inTrace('DrawFrame'),
    dropped: inTrace('DroppedFrame'),
    frameMs,
    scriptMs: perSecond('ScriptDuration'),
    styleMs: perSecond('RecalcStyleDuration'),
    layoutMs: perSecond('LayoutDuration'),
  };
}
