import type { DocumentLimits } from './documents/documents.ts';
import type { ConnectionLimits } from './connections.ts';

/** Who may ask from where, and what one request or connection may cost; options of the configuration. */
export interface Exposure extends DocumentLimits, ConnectionLimits {
  readonly hostnames: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly maxSubscriptionsPerSocket: number;
  readonly trustedDocuments: readonly string[];
  readonly trustedDocumentsOnly: boolean;
}
