import { authExchange } from '@urql/exchange-auth';
import { createClient as createSocket } from 'graphql-ws';
import { Client, fetchExchange, subscriptionExchange } from 'urql';
import type { Account } from '../sign-in/account.ts';
import { authorization } from '../sign-in/viewer.ts';
import { isRefusal, isRefusedClose, problemOf } from './problem.ts';

/** The gateway is asked for a sign of life this often, and given up when none comes within the same time again. */
const ALIVE_MS = 5000;

function socketOf(url: string, account: Account, onOpened: () => void) {
  let silence: ReturnType<typeof setTimeout> | undefined;
  const socket = createSocket({
    url,
    // A function, so that a socket that comes back shows what counts then.
    connectionParams: () => (account.credential === null ? {} : { authorization: account.credential }),
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
      closed: (event) => {
        clearTimeout(silence);
        if (isRefusedClose(event)) void account.check();
      },
    },
  });
  // Also of one that nobody has told yet that it is not let in any more.
  account.subscribe(() => {
    if (account.read().status === 'out') socket.terminate();
  });
  return socket;
}

/**
 * Everything that is asked shows who asks, and waits while nobody is signed in: what was refused, which the gateway then
 * has not begun, is asked once more.
 */
const shows = (account: Account) =>
  authExchange((utilities) =>
    Promise.resolve({
      addAuthToOperation: (operation) =>
        utilities.appendHeaders(operation, authorization(account.credential)),
      willAuthError: () => account.read().status !== 'in',
      // A subscription asked once more would begin where it once began; whoever reads it knows better, see `follow`.
      didAuthError: (error, { kind }) => kind !== 'subscription' && isRefusal(problemOf(error)),
      async refreshAuth() {
        if (account.read().status === 'in') await account.check();
        await account.untilSignedIn();
      },
    }),
  );

export interface Connection {
  readonly client: Client;
  /** Each time that the way for subscriptions is open, also anew. Returns what ends it. */
  readonly onOpened: (listener: () => void) => () => void;
}

/** No cache: memory, residents and plans change by themselves, and an old figure would be a wrong one. */
export function createClient(origin: string, account: Account): Connection {
  const listeners = new Set<() => void>();
  const socket = socketOf(`${origin.replace(/^http/, 'ws')}/graphql`, account, () => {
    for (const listener of listeners) listener();
  });
  const client = new Client({
    url: `${origin}/graphql`,
    preferGetMethod: false,
    exchanges: [
      shows(account),
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
