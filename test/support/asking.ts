import { createClient as createEventSource, NetworkError } from 'graphql-sse';
import { createClient as createSocket } from 'graphql-ws';
import WebSocket from 'ws';

/** What comes of an operation over a transport, as one word: `ok`, an error's code, `HTTP 401`, `closed 4403`. */
type Outcome = string;

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: unknown }[] | undefined;
}

/** An operation under way. */
export interface Followed {
  readonly first: Promise<Outcome>;
  /** How it ended: the last outcome where it completed, else why it could not go on. */
  readonly ended: Promise<{ readonly how: Outcome; readonly reason: string }>;
  readonly leave: () => void;
}

const outcomeOf = ({ errors }: Answer): Outcome =>
  errors?.[0] === undefined ? 'ok' : (errors[0].extensions as { code: string }).code;

/** A request over HTTP; `credential` null shows none. */
export const ask = (url: string, query: string, credential: string | null): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization(credential) },
    body: JSON.stringify({ query }),
  });

const authorization = (credential: string | null): Record<string, string> =>
  credential === null ? {} : { authorization: `Bearer ${credential}` };

async function overHttp(url: string, query: string, credential: string | null): Promise<Outcome> {
  return outcomeOf((await (await ask(url, query, credential)).json()) as Answer);
}

export function overSocket(url: string, query: string, credential: string | null): Followed {
  const client = createSocket({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: credential === null ? {} : { authorization: credential },
  });
  return followed((sink) => client.subscribe({ query }, sink), closeOf);
}

function closeOf(error: unknown): { how: Outcome; reason: string } {
  if (Array.isArray(error)) return { how: outcomeOf({ errors: error as Answer['errors'] }), reason: '' };
  const { code, reason } = error as { code: number; reason: string };
  return { how: `closed ${code}`, reason };
}

export function overEvents(url: string, query: string, credential: string | null): Followed {
  const client = createEventSource({
    url: `${url}/stream`,
    retryAttempts: 0,
    headers: authorization(credential),
  });
  return followed(
    (sink) => client.subscribe({ query }, sink),
    (error) => {
      if (!(error instanceof NetworkError)) throw error;
      const { status } = (error as NetworkError<Response>).response!;
      return { how: `HTTP ${status}`, reason: '' };
    },
  );
}

interface Sink {
  next(answer: Answer): void;
  error(error: unknown): void;
  complete(): void;
}

function followed(
  subscribe: (sink: Sink) => () => void,
  endOf: (error: unknown) => { how: Outcome; reason: string },
): Followed {
  let leave: () => void = () => undefined;
  let last: Outcome = 'nothing';
  let reason = '';
  let hasFirst: (outcome: Outcome) => void = () => undefined;
  const first = new Promise<Outcome>((resolve) => (hasFirst = resolve));
  const ended = new Promise<{ how: Outcome; reason: string }>((resolve) => {
    leave = subscribe({
      next: (answer) => {
        last = outcomeOf(answer);
        reason = (answer.errors?.[0] as { message?: string } | undefined)?.message ?? '';
        hasFirst(last);
      },
      error: (error) => {
        const end = endOf(error);
        hasFirst(end.how);
        resolve(end);
      },
      complete: () => resolve({ how: last, reason }),
    });
  });
  return { first, ended, leave };
}

/** What comes first of an operation, over each transport that takes it. */
export async function overEach(
  url: string,
  query: string,
  credential: string | null,
): Promise<Readonly<Record<string, Outcome>>> {
  const streams = { sse: overEvents(url, query, credential), ws: overSocket(url, query, credential) };
  const http = query.startsWith('subscription') ? {} : { http: await overHttp(url, query, credential) };
  const outcomes = { ...http, sse: await streams.sse.first, ws: await streams.ws.first };
  streams.sse.leave();
  streams.ws.leave();
  return outcomes;
}
