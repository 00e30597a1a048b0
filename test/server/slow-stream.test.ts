import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openCaller } from '../../src/access/caller.ts';
import { loadConfig } from '../../src/config.ts';
import { EventLog } from '../../src/generation/event-log.ts';
import { createRateLimits } from '../../src/limits/rate-limits.ts';
import { createSchema } from '../../src/resolvers/schema.ts';
import type { Services } from '../../src/resolvers/services.ts';
import { Connections } from '../../src/server/connections.ts';
import { Documents } from '../../src/server/documents/documents.ts';
import { PublicErrors } from '../../src/server/public-error.ts';
import { serveEventStream } from '../../src/server/sse.ts';
import { TrustedDocuments } from '../../src/server/documents/trusted-documents.ts';
import { openAccess } from '../support/access.ts';
import { recordingLog } from '../support/recording-log.ts';

const CHUNKS = 10_000;
const CHUNK_BYTES = 2048;
const QUERY = `subscription { generationEvents(id: "g") {
  __typename firstSequence sequence ... on TokenChunk { text tokens } } }`;

const rates = createRateLimits({ requestsPerMinute: 0, tokensPerMinute: 0, failedSignInsPerMinute: 0 });
const log = new EventLog('g');
const app = fastify();
beforeAll(async () => {
  const limits = loadConfig({}, {});
  const schema = await createSchema();
  app.addHook('onRequest', async (request) => void (request.caller = openCaller('reader')));
  serveEventStream(app, {
    schema,
    services: { generations: { get: () => ({ log }) }, rates } as unknown as Services,
    errors: new PublicErrors(recordingLog().log, () => undefined),
    documents: new Documents({
      ...{ schema, limits, trusted: new TrustedDocuments(), trustedOnly: false, knowsClients: false },
    }),
    connections: new Connections(limits),
    taken: new WeakMap(),
    access: openAccess(),
    tracing: null,
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => app.close());

interface Event {
  readonly __typename: string;
  readonly firstSequence: number;
  readonly sequence: number;
  readonly text?: string;
}

it('asks for no event that its reader has no room for, and gives it every character once it reads again', async () => {
  const { port } = app.server.address() as AddressInfo;
  const headers = { 'content-type': 'application/json', 'accept': 'text/event-stream' };
  const asked = request({ port, path: '/graphql/stream', method: 'POST', headers });
  asked.end(JSON.stringify({ query: QUERY }));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];

  log.append({ type: 'GenerationQueued', position: 0 });
  let written = '';
  for (let index = 0; index < CHUNKS; index++) {
    const text = `${index} ${'é'.repeat(CHUNK_BYTES / 2)}\n`;
    written += text;
    log.append({ type: 'TokenChunk', text, tokens: 1 });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const usage = { promptTokens: 0, cachedPromptTokens: 0, completionTokens: CHUNKS };
  log.append({ type: 'GenerationCancelled', usage });

  let body = '';
  answer.setEncoding('utf8');
  for await (const piece of answer) body += piece as string;
  const events = [...body.matchAll(/^event: next\ndata: (.*)$/gm)].map(
    ([, data]) => (JSON.parse(data!) as { data: { generationEvents: Event } }).data.generationEvents,
  );
  expect(events.map(({ text }) => text ?? '').join('') === written).toBe(true);
  expect(events.at(-1)!.__typename).toBe('GenerationCancelled');
  // What the sockets had no room for came merged: had each event been taken as it came, there were one for each chunk.
  expect(events.length).toBeLessThan(CHUNKS / 2);
  events.reduce((last, { firstSequence, sequence }) => {
    expect(firstSequence).toBe(last + 1);
    return sequence;
  }, 0);
});
