import { createClient as createSocket } from 'graphql-ws';
import { Client, fetchExchange, subscriptionExchange } from 'urql';

/** The gateway is asked for a sign of life this often, and given up when none comes within the same time again. */
const ALIVE_MS = 5000;

function socketOf(url: string, onOpened: () => void) {
  let silence: ReturnType<typeof setTimeout> | undefined;
  const socket = createSocket({
    url,
    // A retry would ask with the old position; `follow` asks again with the new one.
    retryAttempts: 0,
    keepAlive: ALIVE_MS,
    on: {
      connected: onOpened,
      // A way that is dead without a word, as after sleep, is cut here, so that it is gone anew.
      ping: (isReceived) => {
        if (!isReceived) silence = setTimeout(() => socket.terminate(), ALIVE_MS);
      },
      pong: () => clearTimeout(silence),
      closed: () => clearTimeout(silence),
    },
  });
  return socket;
}

export interface Connection {
  readonly client: Client;
  /** Each time that the way for subscriptions is open, also anew. Returns what ends it. */
  readonly onOpened: (listener: () => void) => () => void;
}

/** No cache: memory, residents and plans change by themselves, and an old figure would be a wrong one. */
export function createClient(origin: string): Connection {
  const listeners = new Set<() => void>();
  const socket = socketOf(`${origin.replace(/^http/, 'ws')}/graphql`, () => {
    for (const listener of listeners) listener();
  });
  const client = new Client({
    url: `${origin}/graphql`,
    preferGetMethod: false,
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe<Record<string, unknown>>(
              { query, variables: variables as Record<string, unknown> },
              {
                next: ({ data = null, errors = [] }) => {
                  sink.next(errors.length === 0 ? { data } : { data, errors });
                },
                error: sink.error.bind(sink),
                complete: sink.complete.bind(sink),
              },
            ),
          }),
        }),
      }),
    ],
  });
  return {
    client,
    onOpened(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
