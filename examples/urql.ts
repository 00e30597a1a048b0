/** mixgate with urql: requests over HTTP, subscriptions over WebSocket. `npx tsx examples/urql.ts "A prompt"` */
import { Client, fetchExchange, subscriptionExchange, type CombinedError } from '@urql/core';
import { createClient } from 'graphql-ws';
import { toAsyncIterable } from 'wonka';
import WebSocket from 'ws';
import { Refused, type Api, type Shown, type Variables } from './answer.ts';
import { main } from './main.ts';

function connect(url: string, shown: Shown): Api {
  const socket = createClient({
    url: url.replace(/^http/, 'ws'),
    // A browser has its own.
    webSocketImpl: WebSocket,
    // It can set no header, so that who asks is said in the first message.
    connectionParams: shown,
    // A retry would ask with the old `after`, and what came before would come again.
    retryAttempts: 0,
    // Says within seconds that a connection is gone without a word, as after sleep.
    keepAlive: 10_000,
  });
  const client = new Client({
    url,
    preferGetMethod: false,
    fetchOptions: { headers: shown },
    // No cacheExchange: an answer is a stream, and what devices have free is another thing a second later.
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe<Variables>(
              { query, variables: variables as Variables },
              {
                next: ({ data = null, errors = [] }) =>
                  sink.next(errors.length === 0 ? { data } : { data, errors }),
                error: (error) => sink.error(error),
                complete: () => sink.complete(),
              },
            ),
          }),
        }),
      }),
    ],
  });

  return {
    async request<Data>(query: string, variables: Variables): Promise<Data> {
      const operation = query.startsWith('mutation') ? 'mutation' : 'query';
      const { data, error } = await client[operation]<Data>(query, variables).toPromise();
      if (error !== undefined) throw refusedOr(error);
      if (!data) throw new Error('No answer came.');
      return data;
    },
    async *subscribe<Data>(query: string, variables: Variables): AsyncGenerator<Data> {
      for await (const { data, error } of toAsyncIterable(client.subscription<Data>(query, variables))) {
        if (error !== undefined) throw refusedOr(error);
        if (data) yield data;
      }
    },
    close: () => void socket.dispose(),
  };
}

/** A CombinedError holds either what the gateway answered or why nothing could be asked. */
const refusedOr = ({ graphQLErrors: [refused], networkError, message }: CombinedError): Error =>
  refused === undefined ? (networkError ?? new Error(message)) : new Refused(refused);

await main(connect);
