import { describe, expect, it } from 'vitest';
import { Supervisor, type Lender } from '../../src/backends/webgpu/headless/supervisor.ts';
import { recordingLog } from '../support/recording-log.ts';

const BACKOFF = { firstMs: 10, mostMs: 40, steadyMs: 1000 };

/** One browser that a test ends by hand. */
class FakeLender implements Lender {
  readonly pid = 1;
  isClosed = false;
  end: (reason: string) => void = () => undefined;
  readonly ended = new Promise<string>((resolve) => (this.end = resolve));

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function setUp() {
  const { log, events } = recordingLog();
  const lenders: FakeLender[] = [];
  const failures: Error[] = [];
  const pauses: number[] = [];
  let now = 0;
  let onStart: () => void = () => undefined;
  const supervisor = new Supervisor({
    async start() {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      lenders.push(new FakeLender());
      onStart();
      return lenders.at(-1)!;
    },
    log,
    now: () => now,
    pause: async (ms) => void pauses.push(ms),
    backoff: BACKOFF,
  });
  const next = () => new Promise<void>((resolve) => (onStart = () => setImmediate(resolve)));
  return { supervisor, lenders, failures, pauses, events, next, run: (ms: number) => (now += ms) };
}

describe('a browser that is kept up', () => {
  it('is started again, after pauses that double to a limit', async () => {
    const { supervisor, lenders, pauses, next, events } = setUp();
    for (let count = 0; count < 4; count++) {
      const restarted = next();
      lenders.at(-1)!.end('the page crashed');
      await restarted;
    }
    expect(pauses).toEqual([10, 20, 40, 40]);
    expect(lenders.map(({ isClosed }) => isClosed)).toEqual([true, true, true, true, false]);
    expect(events.filter(({ event }) => event === 'headless.ended').at(-1)!.fields).toEqual({
      reason: 'the page crashed',
      restartMs: 40,
    });
    await supervisor.stop();
  });

  it('that ran for a while starts again as soon as the first time', async () => {
    const { supervisor, lenders, pauses, next, run } = setUp();
    for (const ranMs of [0, 0, 1000, 0]) {
      const restarted = next();
      run(ranMs);
      lenders.at(-1)!.end('Chromium exited');
      await restarted;
    }
    expect(pauses).toEqual([10, 20, 10, 20]);
    await supervisor.stop();
  });

  it('that does not come up is tried again', async () => {
    const { supervisor, lenders, failures, pauses, next, events } = setUp();
    failures.push(new Error('no gateway'), new Error('no gateway'));
    const restarted = next();
    lenders[0]!.end('Chromium exited');
    await restarted;
    expect(pauses).toEqual([10, 20, 40]);
    expect(events.map(({ fields }) => fields['reason']).filter(Boolean)).toEqual([
      'Chromium exited',
      'no gateway',
      'no gateway',
    ]);
    await supervisor.stop();
  });

  it('is closed when it is stopped, and not started again', async () => {
    const { supervisor, lenders, events } = setUp();
    await supervisor.stop();
    await supervisor.stop();
    expect(lenders.map(({ isClosed }) => isClosed)).toEqual([true]);
    expect(events.at(-1)).toEqual({
      event: 'headless.ended',
      fields: { reason: 'stopped', restartMs: null },
    });
  });
});
