/** mixgate over one WebSocket: queries, mutations and subscriptions. `npx tsx examples/graphql-ws.ts "A prompt"` */
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Refused, type Api, type GatewayError, type Shown, type Variables } from './answer.ts';
import { main } from './main.ts';

function connect(url: string, shown: Shown): Api {
  const client = createClient({
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

  async function* subscribe<Data>(query: string, variables: Variables): AsyncGenerator<Data> {
    try {
      for await (const { data, errors } of client.iterate<Data>({ query, variables })) {
        if (errors?.[0] !== undefined) throw new Refused(errors[0]);
        if (data) yield data;
      }
    } catch (error) {
      throw refusedOr(error);
    }
  }

  return {
    subscribe,
    async request<Data>(query: string, variables: Variables): Promise<Data> {
      for await (const data of subscribe<Data>(query, variables)) return data;
      throw new Error('No answer came.');
    },
    close: () => void client.dispose(),
  };
}

/** graphql-ws throws the errors of a refused operation as an array, and a closed socket as its CloseEvent. */
function refusedOr(error: unknown): unknown {
  if (Array.isArray(error)) return new Refused((error as [GatewayError])[0]);
  if (error instanceof Error) return error;
  const { code, reason } = error as { code?: number; reason?: string };
  // No key where one is needed, or one that does not count.
  if (code === 4401 || code === 4403)
    return new Refused({ message: reason ?? '', extensions: { code: 'UNAUTHENTICATED' } });
  return new Error(`The connection was closed: ${code ?? 'unknown'} ${reason ?? ''}`);
}

await main(connect);
