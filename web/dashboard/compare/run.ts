import type { Client } from 'urql';
import { map, pipe } from 'wonka';
import type { Connection } from '../api/client.ts';
import { follow } from '../api/follow.ts';
import { problemOf, UNREACHABLE, type Problem } from '../api/problem.ts';
import { isFinal, isFinalEvent, take } from '../parts/answer.ts';
import { COMPARISON, FOLLOW_COMPARISON, type ComparedEvent, type ComparisonFacts } from './documents.ts';
import { newLane, withFacts, type LaneState } from './lane.ts';
import { LaneRates } from './lane-rates.ts';

export interface RunState {
  /** Null until the gateway has told. */
  readonly facts: ComparisonFacts | null;
  readonly lanes: readonly LaneState[];
  /** False while the way to the gateway is lost. */
  readonly isConnected: boolean;
  readonly problem: Problem | null;
}

/** What need not follow the tokens is shown this often, one lane after the other, so that no frame draws it of all. */
const SAMPLE_MS = 500;
const MOST_LANES = 8;
const RETRY_MS = 2000;

/**
 * A comparison as a page follows it. What a lane has written is shown with the next frame, and twice a second where it is
 * out of sight, as its rate is; everything else is told when it changes. So eight fast lanes cost no more than they must.
 */
export class ComparisonRun {
  readonly rates = new LaneRates();
  readonly #client: Client;
  readonly #onOpened: Connection['onOpened'];
  readonly #id: string;
  readonly #listeners = new Set<() => void>();
  /** By lane. */
  readonly #textListeners = new Map<number, () => void>();
  /** Lanes that are not on the screen. */
  readonly #unseen = new Set<number>();
  #state: RunState = { facts: null, lanes: [], isConnected: true, problem: null };
  /** Ahead of the state by what has not been told yet. */
  #lanes: readonly LaneState[] = [];
  #sequence = 0;
  /** What came up to here was there before anybody looked. */
  #seenBefore = 0;
  /** Lanes with text that was not written yet. */
  readonly #unwritten = new Set<number>();
  #isFrameDue = false;
  #isToldWithFrame = false;
  /** Of the newest start: what an older one had asked for is nobody's. */
  #start = 0;

  constructor({ client, onOpened }: Connection, id: string) {
    this.#client = client;
    this.#onOpened = onOpened;
    this.#id = id;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): RunState => this.#state;

  /** With a frame, when a lane has more text. */
  onText(lane: number, listener: () => void): () => void {
    this.#textListeners.set(lane, listener);
    return () => {
      this.#textListeners.delete(lane);
      this.#unseen.delete(lane);
    };
  }

  /** Whether a lane is on the screen; until it is told, it is. */
  setSeen(lane: number, isSeen: boolean): void {
    if (isSeen) this.#unseen.delete(lane);
    else this.#unseen.add(lane);
    this.#writeSoon();
  }

  text(lane: number): string {
    return this.#lanes[lane]?.answer.text ?? '';
  }

  /** Returns what stops it; it may be started again. */
  readonly start = (): (() => void) => {
    const start = ++this.#start;
    let end = (): void => undefined;
    const closed = this.#onOpened(() => this.#tell({ isConnected: true }));
    const begin = async (): Promise<void> => {
      const isThere = await this.#ask();
      if (start !== this.#start) return;
      if (isThere === null) timer = setTimeout(() => void begin(), RETRY_MS);
      else if (isThere && this.#state.facts?.finished === false) end = this.#follow();
    };
    let timer = setTimeout(() => void begin());
    let samples = 0;
    const sampling = setInterval(() => this.#sample(samples++ % MOST_LANES), SAMPLE_MS / MOST_LANES);
    return () => {
      this.#start += 1;
      clearTimeout(timer);
      clearInterval(sampling);
      closed();
      end();
    };
  };

  /** Newer facts, as a vote returns them. */
  readonly takeFacts = (facts: ComparisonFacts): void => {
    this.#lanes = facts.lanes.map((lane, index) => {
      const before = this.#lanes[index];
      return before === undefined ? newLane(lane) : withFacts(before, lane);
    });
    this.#tell({ facts, problem: null });
    for (const index of facts.lanes.keys()) this.#unwritten.add(index);
    this.#writeSoon();
  };

  /** Whether it is there; null where the gateway was not reached. */
  async #ask(): Promise<boolean | null> {
    const { data, error } = await this.#client.query(COMPARISON, { id: this.#id }).toPromise();
    if (error) {
      const problem = problemOf(error);
      this.#tell({ problem });
      return problem.code === UNREACHABLE ? null : false;
    }
    const facts = data?.comparison ?? null;
    if (facts === null) {
      this.#tell({ problem: { code: 'NOT_FOUND', message: '' } });
      return false;
    }
    this.#seenBefore = facts.lastSequence;
    this.rates.clear();
    this.takeFacts(facts);
    return true;
  }

  #follow(): () => void {
    return follow({
      ask: (after) =>
        pipe(
          this.#client.subscription(FOLLOW_COMPARISON, { id: this.#id, after }),
          map(({ data, error }) => ({ data: data?.comparisonEvents, error })),
        ),
      after: this.#sequence,
      isFinal: ({ lane }) => lane === null,
      onEvent: (event) => this.#take(event),
      onRefused: (problem) => this.#tell({ problem }),
      onLost: () => this.#tell({ isConnected: false }),
    });
  }

  #take({ sequence, lane: index, event, comparison }: ComparedEvent): void {
    this.#sequence = sequence;
    if (comparison !== null) this.takeFacts(comparison);
    const lane = index === null ? undefined : this.#lanes[index];
    if (index === null || lane === undefined || event === null) return;
    const answer = isFinal(lane.answer) ? lane.answer : take(lane.answer, event);
    this.#lanes = this.#lanes.with(index, { ...lane, answer });
    if (answer.text !== lane.answer.text) this.#unwritten.add(index);
    if (event.__typename === 'TokenChunk' && sequence > this.#seenBefore) this.rates.add(index, event.tokens);
    this.#writeSoon(event.__typename !== 'TokenChunk' || answer.stage !== lane.answer.stage);
    if (isFinalEvent(event)) void this.#askForLane();
  }

  /** Memory, language and where it parts are known when a lane has ended, and not in its events. */
  async #askForLane(): Promise<void> {
    const start = this.#start;
    const { data } = await this.#client.query(COMPARISON, { id: this.#id }).toPromise();
    // Where this is not answered, the final event brings the same.
    const facts = data?.comparison ?? null;
    if (facts !== null && start === this.#start && this.#state.facts?.finished !== true)
      this.takeFacts(facts);
  }

  #sample(lane: number): void {
    if (this.#unseen.has(lane) && this.#unwritten.has(lane)) this.#write(lane);
    if (this.#lanes[lane]?.answer.stage === 'WRITING') this.rates.sample(lane, performance.now());
  }

  /** Tokens may come faster than frames; a hidden page has no frames, and nobody who looks. */
  #writeSoon(isTold = false): void {
    this.#isToldWithFrame ||= isTold;
    if (this.#isFrameDue || (!this.#isToldWithFrame && this.#waiting().length === 0)) return;
    this.#isFrameDue = true;
    requestAnimationFrame(() => {
      this.#isFrameDue = false;
      for (const lane of this.#waiting()) this.#write(lane);
      if (this.#isToldWithFrame) this.#tell({});
      this.#isToldWithFrame = false;
    });
  }

  /** Lanes that are seen and have text that is not. */
  #waiting(): number[] {
    return [...this.#unwritten].filter((lane) => !this.#unseen.has(lane));
  }

  #write(lane: number): void {
    this.#unwritten.delete(lane);
    this.#textListeners.get(lane)?.();
  }

  #tell(change: Partial<RunState>): void {
    this.#state = { ...this.#state, ...change, lanes: this.#lanes };
    for (const listener of this.#listeners) listener();
  }
}
