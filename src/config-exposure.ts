import type { z } from 'zod';
import { bytesSchema, commaList, whole, yesOrNo } from './config-values.ts';

/** As browsers write one: scheme, host, and a port that is not the scheme's own. */
const isOrigin = (entry: string): boolean =>
  /^[a-z][a-z\d+.-]*:\/\/(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.test(entry);
const isHostname = (entry: string): boolean => entry === '*' || /^[\w-]+(\.[\w-]+)*$/.test(entry);

/** Options that say who may ask from where, and what one request or connection may cost. */
export const exposureOptions = {
  hostnames: commaList
    .refine((names) => names.every(isHostname), 'must be names without a port, or *')
    .default([])
    .describe(
      'Names by which clients reach a gateway that listens on loopback, such as that of the reverse proxy before it; addresses and localhost always do. `*`: any name, and web pages can reach it by DNS rebinding.',
    ),
  allowedOrigins: commaList
    .refine(
      (origins) => origins.every(isOrigin),
      'must be origins, such as https://app.example or http://localhost:5173',
    )
    .default([])
    .describe(
      "Origins of web pages, besides the gateway's own, that may use the API from a browser (CORS, WebSockets, event streams).",
    ),
  maxSockets: whole(1, 1_000_000)
    .default(4096)
    .describe('WebSockets and event streams that may be open at once, of all clients together.'),
  maxSocketsPerAddress: whole(1, 1_000_000)
    .default(1024)
    .describe('Of them, those of one address; behind a reverse proxy all have the address of the proxy.'),
  maxSubscriptionsPerSocket: whole(1, 100_000)
    .default(1000)
    .describe('Operations that may be under way at once on one WebSocket.'),
  maxDocumentBytes: bytesSchema
    .refine((bytes) => bytes >= 1024, 'must be at least 1KiB')
    .default(128 * 2 ** 10)
    .describe(
      'Bytes of a GraphQL document; long texts go into variables. Of this and the next four, trusted documents are free.',
    ),
  maxDepth: whole(1, 1000).default(16).describe('How deep the fields of an operation may nest.'),
  maxAliases: whole(0, 5000)
    .default(60)
    .describe('Aliases of an operation, fragments counted wherever they are spread.'),
  maxDirectives: whole(0, 5000)
    .default(60)
    .describe('Directives of an operation, fragments counted wherever they are spread.'),
  maxCost: whole(1, 2 ** 31 - 1)
    .default(50_000)
    .describe(
      'What an operation may cost: about the fields of its answer; docs/limits-documents.md has the model.',
    ),
  trustedDocuments: commaList
    .default([])
    .describe('Files or folders with the documents of your clients; see docs/trusted-documents.md.'),
  trustedDocumentsOnly: yesOrNo
    .default(false)
    .describe(
      'Runs these and the documents of the dashboard, the worker page and the command line, and no others.',
    ),
} satisfies Record<string, z.ZodType>;
