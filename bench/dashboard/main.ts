import { cpus, loadavg } from 'node:os';
import Table from 'cli-table3';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../../test/support/browser.ts';
import { FOLLOW, startComparison, type LaneEvent } from '../../test/support/comparing.ts';
import { collect, DEMO, startGateway, type TestGateway } from '../../test/support/gateway.ts';
import { watchFrames, type Watched } from './frames.ts';
import { Pace } from './pace.ts';

/**
 * `npm run bench:dashboard`: the page of a comparison while 8 lanes write 60 tokens a second each, in a real Chromium,
 * before a real gateway with the demo model. Its engine, which is faster, is held to that speed. The control draws a
 * figure in every frame and nothing else, while the same lanes write: the two take turns.
 */
const LANES = 8;
const TOKENS_PER_SECOND = Number(process.env['RATE'] ?? 60);
const WATCH_MS = 10_000;
const ROUNDS = Number(process.env['ROUNDS'] ?? 2);

/** Does not end by itself before it has been watched. */
const INPUT = {
  prompt: { text: 'Once upon a time' },
  maxTokens: 1000,
  sampling: { temperature: 10, topK: 0, topP: 1, minP: 0, seed: 4 },
  lanes: Array.from({ length: LANES }, () => ({ model: DEMO, quantization: 'Q4_K_M' })),
  schedule: 'TOGETHER',
  onDisconnect: 'CONTINUE',
};

/** Tells the first event, and each token as it comes, until the end. */
async function followTokens(
  gateway: TestGateway,
  id: string,
  onTokens: (tokens: number) => void,
): Promise<void> {
  const client = gateway.client();
  await collect<'comparisonEvents'>(client, FOLLOW, { id }, ({ comparisonEvents }) => {
    const { event } = comparisonEvents as unknown as LaneEvent;
    if (event?.__typename === 'TokenChunk') onTokens(event.tokens ?? 0);
  });
  await client.dispose();
}

const percentile = (numbers: readonly number[], share: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(share * numbers.length))]!;

function row(name: string, watched: Watched): string[] {
  const { counted, seconds, drawn, dropped, frameMs, scriptMs, styleMs, layoutMs } = watched;
  return [
    name,
    (counted / seconds).toFixed(0),
    (drawn / seconds).toFixed(1),
    `${dropped} of ${drawn + dropped}`,
    percentile(frameMs, 0.5).toFixed(1),
    percentile(frameMs, 0.95).toFixed(1),
    ...[scriptMs, styleMs, layoutMs].map((each) => each.toFixed(1)),
  ];
}

/** Draws a little in every frame: the frames that it drops, the machine drops. */
const CONTROL = `data:text/html,<p></p><script>
  let frames = 0;
  requestAnimationFrame(function draw() {
    document.querySelector('p').textContent = frames++;
    requestAnimationFrame(draw);
  });
</script>`;

interface Bench {
  readonly gateway: TestGateway;
  readonly browser: Browser;
}

/** A page while the lanes of a comparison write at the speed wanted. */
async function whileWriting({ gateway, browser }: Bench, open: (page: Page, id: string) => Promise<void>) {
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 }, locale: 'en-US' });
  const { id } = await startComparison(gateway, INPUT);
  let begin = (_: Pace | Promise<Pace>): void => undefined;
  const begun = new Promise<Pace>((resolve) => (begin = resolve));
  let pace: Pace | null = null;
  let arrived = 0;
  const followed = followTokens(gateway, id, (tokens) => {
    if (arrived === 0) begin(Pace.begin(gateway));
    arrived += tokens;
    pace?.arrived(tokens);
  });
  pace = await begun;
  await open(page, id);
  pace.go(LANES * TOKENS_PER_SECOND);
  const watched = await watchFrames({ browser, page, ms: WATCH_MS, count: () => arrived });
  pace.end();
  await followed;
  await page.close();
  return watched;
}

const [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
const { origin } = new URL(gateway.url);
const table = new Table({
  head: ['page', 'tokens/s', 'frames/s', 'dropped', 'p50 ms', 'p95 ms', 'script', 'style', 'layout ms/s'],
  style: { head: [], border: [] },
});
try {
  for (let round = 0; round < ROUNDS; round++) {
    const compared = await whileWriting({ gateway, browser }, async (page, id) => {
      await page.goto(`${origin}/compare/${id}`);
      const writing = page.locator('.answer[data-stage=WRITING]');
      await writing.nth(LANES - 1).waitFor();
    });
    const control = await whileWriting({ gateway, browser }, async (page) => void (await page.goto(CONTROL)));
    table.push(row('compare', compared), row('control', control));
  }
} finally {
  await browser.close();
  await gateway.stop();
}
process.stdout.write(
  `${LANES} lanes, Chromium ${browser.version()}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}\n` +
    `${table.toString()}\n`,
);
