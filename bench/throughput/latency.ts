import type { Client } from 'graphql-ws';

const REQUESTS = 300;
const WARM_UP = 50;

const QUERY = `subscription ($input: GenerateInput!) { generate(input: $input) {
  __typename ... on GenerationCompleted { timings { promptEval { ms } sample { ms } } } } }`;

interface Event {
  readonly __typename: string;
  readonly timings?: { readonly promptEval: { ms: number }; readonly sample: { ms: number } };
}

/**
 * What the gateway adds to a request, milliseconds: the time until the client has the first token, less what the
 * engine took to read the prompt and to sample, one request after the other.
 */
export async function addedLatency(
  client: Client,
  variant: object,
): Promise<{ median: number; p95: number }> {
  const added: number[] = [];
  for (let request = 0; request < WARM_UP + REQUESTS; request++) {
    const prompt = { text: `Hello llama number ${request}` };
    const milliseconds = await firstToken(client, { ...variant, prompt, contextSize: 512, maxTokens: 1 });
    if (request >= WARM_UP) added.push(milliseconds);
  }
  added.sort((a, b) => a - b);
  return { median: added[REQUESTS / 2]!, p95: added[Math.floor(REQUESTS * 0.95)]! };
}

function firstToken(client: Client, input: object): Promise<number> {
  const startedAt = performance.now();
  let firstMs = NaN;
  return new Promise((resolve, reject) => {
    client.subscribe<{ generate: Event }>(
      { query: QUERY, variables: { input } },
      {
        next: ({ data }) => {
          if (data?.generate.__typename === 'TokenChunk') firstMs = performance.now() - startedAt;
          const timings = data?.generate.timings;
          if (timings !== undefined) resolve(firstMs - timings.promptEval.ms - timings.sample.ms);
        },
        error: reject,
        complete: () => undefined,
      },
    );
  });
}
