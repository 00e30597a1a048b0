import { setTimeout as delay } from 'node:timers/promises';

/** An answer as a stream that outlives its connection. What differs between GraphQL clients is behind `Api`. */

/** What a GraphQL client brings. Both throw `Refused` for what the gateway refuses; anything else is the network's. */
export interface Api {
  /** A query or a mutation. */
  request<Data>(query: string, variables: Variables): Promise<Data>;
  /** A subscription, asked once: it must not ask again by itself, for it would ask with old variables. */
  subscribe<Data>(query: string, variables: Variables): AsyncIterable<Data>;
  close(): void;
}

export type Variables = Record<string, unknown>;

/** What shows who asks, as a header and in the first message of a WebSocket alike: a key or a token; empty where nobody asks. */
export type Shown = Record<string, string>;

/** Every error of the gateway has a code; `retryable`: the same request may succeed later. */
export class Refused extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor({ message, extensions }: GatewayError) {
    super(message);
    const { code, retryable } = extensions ?? {};
    this.code = typeof code === 'string' ? code : 'INTERNAL';
    this.retryable = retryable === true;
  }
}

export interface GatewayError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

export type AnswerEvent = { readonly generationId: string; readonly sequence: number } & (
  | { readonly __typename: 'PlanChosen'; readonly plan: { readonly variant: { readonly id: string } } }
  | { readonly __typename: 'GenerationQueued'; readonly position: number }
  | { readonly __typename: 'ModelLoading' | 'LanguageDrifted' }
  | { readonly __typename: 'TokenChunk'; readonly text: string }
  | { readonly __typename: 'GenerationCompleted'; readonly finishReason: string }
  | { readonly __typename: 'GenerationCancelled' }
  | {
      readonly __typename: 'GenerationFailed';
      readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean };
    }
);

const FINAL = ['GenerationCompleted', 'GenerationCancelled', 'GenerationFailed'];

const START = `mutation Start($input: GenerateInput!) { startGeneration(input: $input) { id } }`;

const CANCEL = `mutation Cancel($id: ID!) { cancelGeneration(id: $id) { state } }`;

const EVENTS = `subscription Events($id: ID!, $after: Int!) {
  generationEvents(id: $id, after: $after) {
    __typename
    generationId
    sequence
    ... on PlanChosen { plan { variant { id } } }
    ... on GenerationQueued { position }
    ... on TokenChunk { text }
    ... on GenerationCompleted { finishReason }
    ... on GenerationFailed { error { code message retryable } }
  }
}`;

const TRIES = 8;
const FIRST_PAUSE_MS = 250;

/**
 * Starts a generation and yields its events, each exactly once, until the final one. When the connection is lost it
 * goes on after the last event that came. `signal` cancels the generation: then the final event is
 * GenerationCancelled.
 * @throws Refused; what the network says, after so many tries in a row without an event
 */
export async function* answer(
  api: Api,
  input: Variables,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, void> {
  // Not tried again: where the reply is lost, it may have started. CONTINUE: nor does it end because we are away.
  const started = await api.request<{ startGeneration: { id: string } }>(START, {
    input: { ...input, onDisconnect: 'CONTINUE' },
  });
  const { id } = started.startGeneration;
  const cancel = () => void persist(() => api.request(CANCEL, { id })).catch(() => undefined);
  if (signal.aborted) cancel();
  // What makes it fail ends the events below too, and is thrown there.
  signal.addEventListener('abort', cancel, { once: true });
  try {
    yield* eventsOf(api, id);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function* eventsOf(api: Api, id: string): AsyncGenerator<AnswerEvent, void> {
  let after = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      for await (const event of eventsAfter(api, id, after)) {
        after = event.sequence;
        tries = 1;
        yield event;
      }
      return;
    } catch (error) {
      await pauseOrGiveUp(error, tries);
    }
  }
}

/** Of one connection. @throws also where it ends before the generation did, as when the gateway stops */
async function* eventsAfter(api: Api, id: string, after: number): AsyncGenerator<AnswerEvent, void> {
  const subscription = api.subscribe<{ generationEvents: AnswerEvent }>(EVENTS, { id, after });
  for await (const { generationEvents: event } of subscription) {
    yield event;
    if (FINAL.includes(event.__typename)) return;
  }
  throw new Error('The events ended before the generation did.');
}

/** For requests that may be repeated. */
async function persist<Result>(request: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request();
    } catch (error) {
      await pauseOrGiveUp(error, tries);
    }
  }
}

/** Twice as long each time. */
async function pauseOrGiveUp(error: unknown, tries: number): Promise<void> {
  if (error instanceof Refused || tries >= TRIES) throw error;
  await delay(FIRST_PAUSE_MS * 2 ** (tries - 1));
}
