import WebSocket from 'ws';
import { EVENT_FIELDS, type TestEvent, type TestGateway } from './gateway.ts';

/** A comparison's event, with all fields any test asks for. */
export interface LaneEvent {
  readonly comparisonId: string;
  readonly firstSequence: number;
  readonly sequence: number;
  readonly lane: number | null;
  readonly event: TestEvent | null;
  readonly schedule: { readonly taken: string; readonly reasons: readonly string[] } | null;
  readonly comparison: TestComparison | null;
}

export interface TestCandidates {
  readonly own: readonly TestCandidate[] | null;
  readonly reference: readonly TestCandidate[] | null;
  readonly ownToken: number;
  readonly referenceToken: number;
}

interface TestCandidate {
  readonly token: number;
  readonly text: string;
  readonly probability: number;
}

export interface TestLane {
  readonly label: string;
  readonly inputIndex: number | null;
  readonly memoryBytes: number | null;
  readonly energyPerTokenJoules: number | null;
  readonly language: unknown;
  readonly divergence: {
    readonly firstDifferentToken: number | null;
    readonly commonPrefixChars: number;
    readonly candidates: TestCandidates | null;
  } | null;
  readonly generation: {
    readonly id: string;
    readonly state: string;
    readonly text: string;
    readonly seed: number;
    readonly finishedAt: string | null;
    readonly plan: { readonly variant: { readonly id: string; readonly quantization: string } } | null;
    readonly error: { readonly code: string; readonly message: string } | null;
    readonly timings: {
      readonly totalMs: number;
      readonly timeToFirstTokenMs: number;
      readonly queueMs: number;
    } | null;
  };
}

export interface TestComparison {
  readonly id: string;
  readonly finished: boolean;
  readonly isBlind: boolean;
  readonly isRevealed: boolean;
  readonly lastSequence: number;
  readonly schedule: { readonly taken: string; readonly reasons: readonly string[] };
  readonly lanes: readonly TestLane[];
  readonly votes: readonly { lane: number; value: string; comment: string | null; isBlind: boolean }[];
}

export const COMPARISON = `id finished isBlind isRevealed lastSequence schedule { taken reasons }
  votes { lane value comment isBlind }
  lanes { label inputIndex memoryBytes energyPerTokenJoules language { consistency }
    divergence { firstDifferentToken commonPrefixChars
      candidates { own { token text probability } reference { token text probability } ownToken referenceToken } }
    generation { id state text seed finishedAt plan { variant { id quantization } } error { code message }
      timings { totalMs timeToFirstTokenMs queueMs } } }`;

const FIELDS = `comparisonId firstSequence sequence lane event { ${EVENT_FIELDS} } schedule { taken reasons }
  comparison { ${COMPARISON} }`;
export const COMPARE = `subscription ($input: CompareInput!) { compare(input: $input) { ${FIELDS} } }`;
export const FOLLOW = `subscription ($id: ID!, $after: Int) { comparisonEvents(id: $id, after: $after) { ${FIELDS} } }`;

/** Runs one to its end. */
export async function compare(gateway: TestGateway, input: object): Promise<LaneEvent[]> {
  const events = await gateway.subscribe<'compare'>(COMPARE, { input });
  return events.map((event) => event.compare as unknown as LaneEvent);
}

export async function startComparison(gateway: TestGateway, input: object): Promise<TestComparison> {
  const query = `mutation ($input: CompareInput!) { startComparison(input: $input) { ${COMPARISON} } }`;
  const { data } = await gateway.query<{ startComparison: TestComparison }>(query, { input });
  return data.startComparison;
}

export async function comparison(gateway: TestGateway, id: string): Promise<TestComparison> {
  const query = `query ($id: ID!) { comparison(id: $id) { ${COMPARISON} } }`;
  return (await gateway.query<{ comparison: TestComparison }>(query, { id })).data.comparison;
}

/** What a subscriber has read of a lane. */
export const laneText = (events: readonly LaneEvent[], lane: number): string =>
  events.map((event) => (event.lane === lane ? (event.event?.text ?? '') : '')).join('');

interface Reading {
  readonly id: string;
  readonly after: number;
  readonly limit: number;
  readonly pauseMs: number;
}

/** Reads up to `limit` events on a socket of its own, slowly if asked to, and then drops the socket without a word. */
export function readLanesAndDrop(
  gateway: TestGateway,
  { id, after, limit, pauseMs }: Reading,
): Promise<LaneEvent[]> {
  const socket = new WebSocket(gateway.url.replace('http', 'ws'), 'graphql-transport-ws');
  const events: LaneEvent[] = [];
  return new Promise((resolve, reject) => {
    const drop = () => (socket.terminate(), resolve(events));
    socket.once('error', reject);
    socket.once('close', () => resolve(events));
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString()) as {
        type: string;
        payload: { data: { comparisonEvents: LaneEvent } };
      };
      if (type === 'connection_ack')
        socket.send(
          JSON.stringify({
            id: '1',
            type: 'subscribe',
            payload: { query: FOLLOW, variables: { id, after } },
          }),
        );
      if (type === 'error') reject(new Error(data.toString()));
      if (type === 'complete') return drop();
      if (type !== 'next' || events.length >= limit) return;
      events.push(payload.data.comparisonEvents);
      if (events.length >= limit || events.at(-1)!.lane === null) return drop();
      if (pauseMs === 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    });
  });
}
