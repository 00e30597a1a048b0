/** mixgate with Apollo Client: requests over HTTP, subscriptions over WebSocket. `npx tsx examples/apollo-client.ts "A prompt"` */
// A browser has its own.
import { ReadableStream } from 'node:stream/web';
import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  gql,
  HttpLink,
  InMemoryCache,
} from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import type { Observable } from 'rxjs';
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
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      new HttpLink({ uri: url, headers: shown }),
    ),
    cache: new InMemoryCache(),
    // An answer is a stream, and what devices have free is another thing a second later.
    defaultOptions: { query: { fetchPolicy: 'no-cache' }, mutate: { fetchPolicy: 'no-cache' } },
  });

  return {
    async request<Data>(query: string, variables: Variables): Promise<Data> {
      const document = gql(query);
      const { data, error } = query.startsWith('mutation')
        ? await client.mutate<Data>({ mutation: document, variables, errorPolicy: 'all' })
        : await client.query<Data>({ query: document, variables, errorPolicy: 'all' });
      if (error !== undefined) throw refusedOr(error);
      if (!data) throw new Error('No answer came.');
      return data;
    },
    async *subscribe<Data>(query: string, variables: Variables): AsyncGenerator<Data> {
      const results = client.subscribe<Data>({ query: gql(query), variables, fetchPolicy: 'no-cache' });
      for await (const { data, error } of valuesOf(results)) {
        if (error !== undefined) throw refusedOr(error);
        if (data) yield data;
      }
    },
    close() {
      client.stop();
      void socket.dispose();
    },
  };
}

/** What the gateway answered is in CombinedGraphQLErrors; everything else is the network's. */
function refusedOr(error: unknown): unknown {
  const [refused] = CombinedGraphQLErrors.is(error) ? error.errors : [];
  return refused === undefined ? error : new Refused(refused);
}

/** Leaving the loop unsubscribes. */
function valuesOf<Value>(observable: Observable<Value>): ReadableStream<Value> {
  let unsubscribe = (): void => undefined;
  return new ReadableStream<Value>({
    start(controller) {
      const subscription = observable.subscribe({
        next: (value) => controller.enqueue(value),
        error: (error) => controller.error(error),
        complete: () => controller.close(),
      });
      unsubscribe = () => subscription.unsubscribe();
    },
    cancel: () => unsubscribe(),
  });
}

await main(connect);
