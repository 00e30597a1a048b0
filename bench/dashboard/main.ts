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
/** Traces of each page; of a round, they are added up. */
const TRACES = Number(process.env['TRACES'] ?? 3);
const ROUNDS = Number(process.env['ROUNDS'] ?? 2);

/** Seldom ends by itself before it has been watched. */
const inputOf = (seed: number) => ({
  prompt: { text: 'Once upon a time' },
  maxTokens: 1000,
  sampling: { temperature: 10, topK: 0, topP: 1, minP: 0, seed },
  lanes: Array.from({ length: LANES }, () => ({ model: DEMO, quantization: 'Q4_K_M' })),
  schedule: 'TOGETHER',
  onDisconnect: 'CONTINUE',
});

/** Tells each lane's tokens as they come, and that a lane has ended. */
async function followTokens(
  gateway: TestGateway,
  id: string,
  onTokens: (lane: number, tokens: number) => void,
  onEnded: () => void,
): Promise<void> {
  const client = gateway.client();
  await collect<'comparisonEvents'>(client, FOLLOW, { id }, ({ comparisonEvents }) => {
    const { lane, event } = comparisonEvents as unknown as LaneEvent;
    if (lane !== null && event?.__typename === 'TokenChunk') onTokens(lane, event.tokens ?? 0);
    if (event?.__typename === 'GenerationCompleted') onEnded();
  });
  await client.dispose();
}

const SPENT = ['scriptMs', 'styleMs', 'layoutMs', 'allMs'] as const;
type Spent = (typeof SPENT)[number];

const percentile = (numbers: readonly number[], share: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(share * numbers.length))]!;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

function row(name: string, watched: readonly Watched[]): string[] {
  const total = (of: 'counted' | 'seconds' | 'drawn' | 'dropped' | Spent): number =>
    sum(watched.map((each) => each[of]));
  const perSecond = (of: Parameters<typeof total>[0]): number => total(of) / total('seconds');
  const frameMs = watched.flatMap((each) => each.frameMs);
  return [
    name,
    perSecond('counted').toFixed(0),
    perSecond('drawn').toFixed(0),
    `${total('dropped')} of ${total('drawn') + total('dropped')}`,
    percentile(frameMs, 0.5).toFixed(1),
    percentile(frameMs, 0.95).toFixed(1),
    ...SPENT.map((each) => perSecond(each).toFixed(0)),
  ];
}

const CANCEL = 'mutation ($id: ID!) { cancelComparison(id: $id) { id } }';

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

let seed = 0;

type Open = (page: Page, id: string) => Promise<void>;

/** Traces of a page while the lanes of a comparison write at the speed wanted: up to `most`, until a lane has ended. */
async function whileWriting({ gateway, browser }: Bench, open: Open, most: number): Promise<Watched[]> {
  // All lanes are on the screen.
  const page = await browser.newPage({ viewport: { width: 1600, height: 1600 }, locale: 'en-US' });
  const { id } = await startComparison(gateway, inputOf(seed++));
  const writing = new Set<number>();
  let [pace, arrived, hasEnded] = [null as Promise<Pace> | null, 0, false];
  let allWrite = (): void => undefined;
  const begun = new Promise<void>((resolve) => (allWrite = resolve));
  const onTokens = (lane: number, tokens: number): void => {
    arrived += tokens;
    pace ??= Pace.begin(gateway, { perSecond: LANES * TOKENS_PER_SECOND, tokens: () => arrived });
    if (writing.add(lane).size === LANES) allWrite();
  };
  const followed = followTokens(gateway, id, onTokens, () => (hasEnded = true));
  await Promise.race([begun, followed]);
  const watched: Watched[] = [];
  try {
    if (!hasEnded) await open(page, id);
    while (!hasEnded && watched.length < most) {
      const one = await watchFrames({ browser, page, count: () => arrived });
      if (!hasEnded) watched.push(one);
    }
    return watched;
  } finally {
    (await pace)?.end();
    await gateway.query(CANCEL, { id });
    await followed;
    await page.close();
  }
}

/** In as many comparisons as it takes: a lane that ends, as one may by chance, is another page than one that writes. */
async function watch(bench: Bench, open: Open): Promise<Watched[]> {
  const watched: Watched[] = [];
  while (watched.length < TRACES) watched.push(...(await whileWriting(bench, open, TRACES - watched.length)));
  return watched;
}

const [gateway, browser] = await Promise.all([startGateway(), startBrowser()]);
const { origin } = new URL(gateway.url);
const table = new Table({
  head: [
    'page',
    'tokens/s',
    'frames/s',
    'dropped',
    'p50 ms',
    'p95 ms',
    'script',
    'style',
    'layout',
    'all, ms/s',
  ],
  style: { head: [], border: [] },
});
try {
  for (let round = 0; round < ROUNDS; round++) {
    const compared = await watch({ gateway, browser }, async (page, id) => {
      await page.goto(`${origin}/compare/${id}`);
      // By chance one may have come to its end already.
      const shown = page.locator('.answer[data-stage=WRITING], .answer[data-stage=COMPLETED]');
      await shown.nth(LANES - 1).waitFor();
    });
    const control = await watch({ gateway, browser }, async (page) => void (await page.goto(CONTROL)));
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
