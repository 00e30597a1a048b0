import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { CONTEXT_SIZE, MODEL } from './write-model.ts';

const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { __typename
  ... on PlanChosen { plan { deviceName } }
  ... on ModelLoading { progress }
  ... on TokenChunk { text tokens }
  ... on GenerationCompleted { finishReason timings { loadMs
    promptEval { count ms tokensPerSecond } eval { count ms tokensPerSecond } } }
  ... on GenerationFailed { error { code message } } } }`;

export interface Stage {
  /** Tokens. */
  readonly count: number;
  readonly ms: number;
  readonly tokensPerSecond: number | null;
}

type Event =
  | { readonly __typename: 'PlanChosen'; readonly plan: { readonly deviceName: string } }
  | { readonly __typename: 'ModelLoading'; readonly progress: number }
  | { readonly __typename: 'TokenChunk'; readonly text: string; readonly tokens: number }
  | {
      readonly __typename: 'GenerationCompleted';
      readonly finishReason: string;
      readonly timings: { readonly loadMs: number; readonly promptEval: Stage; readonly eval: Stage };
    }
  | {
      readonly __typename: 'GenerationFailed';
      readonly error: { readonly code: string; readonly message: string };
    }
  | { readonly __typename: 'GenerationQueued' | 'GenerationCancelled' };

export interface Answer {
  readonly text: string;
  readonly finishReason: string;
  readonly loadMs: number;
  readonly prompt: Stage;
  /** Without the first token, which comes from the prompt. */
  readonly decode: Stage;
}

interface Asked {
  readonly device: string;
  readonly maxTokens: number;
}

/** One greedy answer over WebSocket. @throws where it does not end well; the signal's reason */
export async function generate(
  url: string,
  { device, maxTokens }: Asked,
  say: (progress: string) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const input = {
    ...MODEL,
    backend: 'webgpu',
    device,
    maxTokens,
    contextSize: CONTEXT_SIZE,
    prompt: { messages: [{ role: 'USER', content: 'Hi' }] },
    sampling: { temperature: 0, repeatPenalty: 1 },
  };
  const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
  const dispose = () => void client.dispose();
  signal.addEventListener('abort', dispose, { once: true });
  try {
    const events = client.iterate<{ readonly generate: Event }>({ query: GENERATE, variables: { input } });
    let text = '';
    for await (const { data, errors } of events) {
      if (!data) throw new Error(errors?.[0]?.message ?? 'The gateway sent nothing.');
      const event = data.generate;
      if (event.__typename === 'TokenChunk') text += event.text;
      if (event.__typename === 'GenerationCompleted') return answerOf(text, event);
      say(describe(event));
    }
  } catch (error) {
    throw error instanceof Error ? error : new Error(`The gateway refused or was gone: ${reasonOf(error)}`);
  } finally {
    signal.removeEventListener('abort', dispose);
    await client.dispose();
  }
  signal.throwIfAborted();
  throw new Error('The generation ended without a result.');
}

/** graphql-ws throws a list of GraphQL errors, or how the socket was closed. */
const reasonOf = (thrown: unknown): string =>
  Array.isArray(thrown) ? JSON.stringify(thrown) : `socket closed, ${(thrown as { code?: number }).code}`;

const answerOf = (
  text: string,
  { finishReason, timings }: Extract<Event, { __typename: 'GenerationCompleted' }>,
): Answer => ({
  text,
  finishReason,
  loadMs: timings.loadMs,
  prompt: timings.promptEval,
  decode: timings.eval,
});

function describe(event: Exclude<Event, { __typename: 'GenerationCompleted' }>): string {
  switch (event.__typename) {
    case 'PlanChosen':
      return `planned for ${event.plan.deviceName}`;
    case 'ModelLoading':
      return `loading, ${Math.round(event.progress * 100)} %`;
    case 'TokenChunk':
      return `${event.tokens} token: ${JSON.stringify(event.text)}`;
    case 'GenerationFailed':
      throw new Error(`${event.error.code} ${event.error.message}`);
    case 'GenerationQueued':
      return 'queued';
    case 'GenerationCancelled':
      return 'cancelled';
  }
}
