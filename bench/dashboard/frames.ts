import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';

/** What a page took of its browser while it was watched. */
export interface Watched {
  /** What `count` has risen by. */
  readonly counted: number;
  readonly seconds: number;
  /** Frames that were drawn, and that were due and were not. */
  readonly drawn: number;
  readonly dropped: number;
  /** Between two frames that were drawn, milliseconds. */
  readonly frameMs: readonly number[];
  /** Milliseconds of the main thread's processor time. */
  readonly scriptMs: number;
  readonly styleMs: number;
  readonly layoutMs: number;
  readonly allMs: number;
}

interface TraceEvent {
  readonly name: string;
  /** Microseconds. */
  readonly ts: number;
}

const CATEGORIES = ['disabled-by-default-devtools.timeline.frame', 'devtools.timeline'];

/** Short, because by chance a lane may end, and what is watched here is pages while all write. */
const TRACE_MS = 4000;

interface Watching {
  readonly browser: Browser;
  readonly page: Page;
  readonly count: () => number;
}

/** Watches a page by Chromium's own trace of its frames and its counters. Nothing runs in the page for it. */
export async function watchFrames({ browser, page, count }: Watching): Promise<Watched> {
  const session = await page.context().newCDPSession(page);
  // Processor time of the main thread: what others do on the machine is not in it.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const look = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return {
      atMs: performance.now(),
      count: count(),
      seconds: new Map(metrics.map(({ name, value }) => [name, value])),
    };
  };
  await browser.startTracing(page, { categories: CATEGORIES });
  const before = await look();
  await setTimeout(TRACE_MS);
  const after = await look();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    traceEvents: TraceEvent[];
  };
  await session.detach();
  const atMs = (name: string): number[] =>
    traceEvents.flatMap((event) => (event.name === name ? event.ts / 1000 : [])).toSorted((a, b) => a - b);
  const drawn = atMs('DrawFrame');
  const spentMs = (name: string): number => 1000 * (after.seconds.get(name)! - before.seconds.get(name)!);
  return {
    counted: after.count - before.count,
    seconds: (after.atMs - before.atMs) / 1000,
    drawn: drawn.length,
    dropped: atMs('DroppedFrame').length,
    frameMs: drawn.slice(1).map((at, index) => at - drawn[index]!),
    scriptMs: spentMs('ScriptDuration'),
    styleMs: spentMs('RecalcStyleDuration'),
    layoutMs: spentMs('LayoutDuration'),
    allMs: spentMs('TaskDuration'),
  };
}
