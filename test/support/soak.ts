import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal, readAndDrop } from './follow.ts';
import { DEMO, startGateway, UNICORN, type TestEvent, type TestGateway } from './gateway.ts';

/** What a soak saw. Bytes and counts of the gateway's process, early and at the end. */
export interface SoakReport {
  readonly generations: number;
  readonly byState: Readonly<Record<string, number>>;
  readonly kills: number;
  /** What was wrong, in words; none in a good run. */
  readonly problems: readonly string[];
  readonly early: Resources;
  readonly late: Resources;
}

export interface Resources {
  readonly heapBytes: number;
  readonly openFiles: number;
}

interface SoakOptions {
  readonly seconds: number;
  readonly workers: number;
  /** 0 to 1, the same for the same run. */
  readonly random: () => number;
  readonly onProgress?: (elapsedSeconds: number, generations: number) => void;
}

/** Preloaded: a figure of memory with garbage in it says nothing. */
const COLLECT_GARBAGE = path.join(import.meta.dirname, 'collect-garbage.mjs');

const START = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
const CANCEL = 'mutation ($id: ID!) { cancelGeneration(id: $id) { state } }';
const READ = 'query ($id: ID!) { generation(id: $id) { state text lastSequence } }';
const KILL_EVERY_MS = 7000;

/**
 * Mixed load on a real gateway, on loopback and for a bounded time: whole answers, drops and resumes, slow readers,
 * cancels and killed runners, while checking that every generation ends and nobody gets a character twice or not.
 */
export async function soak({ seconds, workers, random, onProgress }: SoakOptions): Promise<SoakReport> {
  const flags = ['--slots', '4', '--keep-generations-bytes', '16MiB', '--log-level', 'warn'];
  const gateway = await startGateway(flags, { NODE_OPTIONS: `--import ${COLLECT_GARBAGE}` });
  const run = new SoakRun(gateway, random);
  const endsAt = Date.now() + seconds * 1000;
  const startedAt = Date.now();
  const timer = setInterval(() => onProgress?.((Date.now() - startedAt) / 1000, run.generations), 5000);
  const killer = run.killRunners(endsAt);
  const working = Array.from({ length: workers }, () => run.work(endsAt));
  await sleep(seconds * 250);
  const early = await resources(gateway);
  await Promise.all([...working, killer]);
  clearInterval(timer);
  await sleep(3000);
  const late = await resources(gateway);
  const exitCode = await gateway.stop();
  if (exitCode !== 0) run.problems.push(`the gateway ended with ${exitCode}`);
  const { generations, byState, kills, problems } = run;
  return { generations, byState, kills, problems, early, late };
}

class SoakRun {
  generations = 0;
  kills = 0;
  readonly byState: Record<string, number> = {};
  readonly problems: string[] = [];
  readonly #gateway: TestGateway;
  readonly #random: () => number;

  constructor(gateway: TestGateway, random: () => number) {
    this.#gateway = gateway;
    this.#random = random;
  }

  async work(endsAt: number): Promise<void> {
    while (Date.now() < endsAt) {
      this.generations++;
      await this.#one().catch((error: unknown) => this.problems.push(String(error)));
    }
  }

  async killRunners(endsAt: number): Promise<void> {
    while (Date.now() + KILL_EVERY_MS < endsAt) {
      await sleep(KILL_EVERY_MS * (0.5 + this.#random()));
      for (const pid of await this.#gateway.runners()) {
        process.kill(pid, 'SIGKILL');
        this.kills++;
      }
    }
  }

  /** One generation, followed in a way that chance decides, then compared with what the gateway says it was. */
  async #one(): Promise<void> {
    const isWatched = this.#random() < 0.8;
    const maxTokens = 1 + Math.floor(this.#random() * 150);
    const { data, errors } = await this.#gateway.query<{ startGeneration: { id: string } } | null>(START, {
      input: {
        model: DEMO,
        prompt: { messages: [{ role: 'USER', content: UNICORN }] },
        maxTokens,
        onDisconnect: isWatched ? 'CONTINUE' : 'CANCEL',
      },
    });
    if (data === null) throw new Error(`refused: ${JSON.stringify(errors)}`);
    const { id } = data.startGeneration;
    const cancelled = this.#random() < 0.2 ? this.#cancelSoon(id) : undefined;
    const seen = isWatched ? await this.#follow(id) : await this.#leaveEarly(id);
    await cancelled;
    await this.#compare(id, seen, isWatched);
  }

  async #cancelSoon(id: string): Promise<void> {
    await sleep(this.#random() * 300);
    await this.#gateway.query(CANCEL, { id });
  }

  /** To the end, over as many sockets as it takes. */
  async #follow(id: string): Promise<TestEvent[]> {
    const seen: TestEvent[] = [];
    while (!isFinal(seen.at(-1))) {
      const limit = this.#random() < 0.5 ? Infinity : 1 + Math.floor(this.#random() * 40);
      seen.push(...(await this.#read(id, seen.at(-1)?.sequence ?? 0, limit)));
    }
    return seen;
  }

  async #leaveEarly(id: string): Promise<TestEvent[]> {
    return this.#read(id, 0, 1 + Math.floor(this.#random() * 20));
  }

  #read(id: string, after: number, limit: number): Promise<TestEvent[]> {
    const pauseMs = this.#random() < 0.2 ? 1 + this.#random() * 20 : 0;
    return readAndDrop(this.#gateway, { id, after, limit, pauseMs });
  }

  async #compare(id: string, seen: readonly TestEvent[], isWhole: boolean): Promise<void> {
    const generation = await this.#ended(id);
    if (generation === null) return;
    const { state, text, lastSequence } = generation;
    this.byState[state] = (this.byState[state] ?? 0) + 1;
    const read = seen.map((event) => event.text ?? '').join('');
    if (isWhole ? read !== text : !text.startsWith(read))
      this.problems.push(`${id}: another text than its own`);
    let last = 0;
    for (const { firstSequence, sequence } of seen) {
      if (firstSequence !== last + 1) this.problems.push(`${id}: ${firstSequence} after ${last}`);
      last = sequence;
    }
    if (isWhole && last !== lastSequence) this.problems.push(`${id}: ended at ${last} of ${lastSequence}`);
  }

  /** Null when it is forgotten already, which only ended ones are. */
  async #ended(id: string) {
    for (let turn = 0; turn < 300; turn++) {
      const { data } = await this.#gateway.query<{
        generation: { state: string; text: string; lastSequence: number } | null;
      }>(READ, { id });
      if (data.generation === null) return null;
      if (['COMPLETED', 'FAILED', 'CANCELLED'].includes(data.generation.state)) return data.generation;
      await sleep(100);
    }
    this.problems.push(`${id} never ended`);
    return null;
  }
}

/** From /metrics, the least of some samples, between which garbage is collected. */
async function resources({ url }: TestGateway): Promise<Resources> {
  const heaps: number[] = [];
  let openFiles = 0;
  for (let sample = 0; sample < 20; sample++) {
    const text = await (await fetch(url.replace('/graphql', '/metrics'))).text();
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    heaps.push(value('mixgate_nodejs_heap_size_used_bytes'));
    openFiles = value('mixgate_process_open_fds');
    await sleep(100);
  }
  return { heapBytes: Math.min(...heaps), openFiles };
}
