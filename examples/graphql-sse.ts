/** mixgate over server-sent events, where a proxy lets no WebSocket through. `npx tsx examples/graphql-sse.ts "A prompt"` */
import { createClient } from 'graphql-sse';
import { Refused, type Api, type GatewayError, type Shown, type Variables } from './answer.ts';
import { main } from './main.ts';

function connect(url: string, shown: Shown): Api {
  // A retry would ask with the old `after`, and what came before would come again.
  const client = createClient({ url: `${url}/stream`, headers: shown, retryAttempts: 0 });

  async function* subscribe<Data>(query: string, variables: Variables): AsyncGenerator<Data> {
    for await (const { data, errors } of client.iterate<Data>({ query, variables })) {
      if (errors?.[0] !== undefined) throw new Refused(errors[0]);
      if (data) yield data;
    }
  }

  return {
    subscribe,
    async request<Data>(query: string, variables: Variables): Promise<Data> {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...shown },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = (await response.json()) as { data?: Data; errors?: [GatewayError] };
      if (errors !== undefined) throw new Refused(errors[0]);
      if (!data) throw new Error('No answer came.');
      return data;
    },
    close: () => client.dispose(),
  };
}

await main(connect);
