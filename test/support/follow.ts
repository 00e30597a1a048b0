import WebSocket from 'ws';
import type { TestEvent, TestGateway } from './gateway.ts';

const FOLLOW = `subscription ($id: ID!, $after: Int, $minIntervalMs: Int) {
  generationEvents(id: $id, after: $after, minIntervalMs: $minIntervalMs) {
  __typename firstSequence sequence ... on TokenChunk { text } } }`;
const FINAL = new Set(['GenerationCompleted', 'GenerationFailed', 'GenerationCancelled']);

export const isFinal = (event: TestEvent | undefined): boolean =>
  event !== undefined && FINAL.has(event.__typename);

interface Reading {
  readonly id: string;
  readonly after: number;
  readonly limit: number;
  /** Between one event and the next; 0 reads on. */
  readonly pauseMs: number;
  /** As the gateway is asked to look; at once where it is not. */
  readonly minIntervalMs?: number;
}

interface Message {
  readonly type: string;
  readonly payload: { readonly data: { readonly generationEvents: TestEvent } };
}

/** Reads up to `limit` events on a socket of its own, slowly if asked to, and then drops the socket without a word. */
export function readAndDrop(
  { url }: Pick<TestGateway, 'url'>,
  { id, after, limit, pauseMs, minIntervalMs = 0 }: Reading,
): Promise<TestEvent[]> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
  const events: TestEvent[] = [];
  return new Promise((resolve, reject) => {
    const drop = () => (socket.terminate(), resolve(events));
    socket.once('error', reject);
    socket.once('close', () => resolve(events));
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString()) as Message;
      if (type === 'connection_ack') {
        const subscription = { query: FOLLOW, variables: { id, after, minIntervalMs } };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: subscription }));
      }
      if (type === 'error') reject(new Error(data.toString()));
      if (type === 'complete') return drop();
      if (type !== 'next' || events.length >= limit) return;
      events.push(payload.data.generationEvents);
      if (events.length >= limit || isFinal(events.at(-1))) return drop();
      if (pauseMs === 0) return;
      socket.pause();
      setTimeout(() => socket.resume(), pauseMs);
    });
  });
}
