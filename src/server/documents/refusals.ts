import { MixgateError } from '../../errors.ts';
import type { DocumentMeasures } from './measures.ts';

/** Why a document is not run. `limit` names the option, or the bound that is none. */

/** What one can do about each. */
const ADVICE = {
  maxDocumentBytes: 'Long texts belong into variables.',
  maxDocumentTokens: 'Send less in one document.',
  maxDepth: 'Ask in several steps.',
  maxAliases: 'Ask in several requests.',
  maxDirectives: 'Leave out what is not needed instead.',
  maxCost: 'Ask for fewer fields, or for fewer items with `first`.',
} as const;
const WHAT = {
  maxDocumentBytes: 'bytes of a document',
  maxDocumentTokens: 'tokens of a document',
  maxDepth: 'levels of nesting',
  maxAliases: 'aliases',
  maxDirectives: 'directives',
  maxCost: 'of cost',
} as const;
type Limit = keyof typeof ADVICE;

const exceeded = (limit: Limit, maximum: number, actual: number): string =>
  `This has ${Number.isFinite(actual) ? actual : 'far too many'} ${WHAT[limit]}, and ${maximum} are allowed (${limit}). ${ADVICE[limit]}`;

const data = (limit: Limit, maximum: number, actual: number) => ({
  limit,
  maximum,
  actual: Number.isFinite(actual) ? actual : null,
});

/** `actual`: Infinity where it was not counted to the end. */
export const tooLarge = (limit: Limit, maximum: number, actual: number): MixgateError =>
  new MixgateError('DOCUMENT_TOO_LARGE', exceeded(limit, maximum, actual), data(limit, maximum, actual));

export const tooComplex = (limit: Limit, maximum: number, actual: number): MixgateError =>
  new MixgateError('DOCUMENT_TOO_COMPLEX', exceeded(limit, maximum, actual), data(limit, maximum, actual));

interface MeasureLimits {
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
}

/** The first limit that is exceeded; null where none is. */
export function tooMuch(measures: DocumentMeasures, limits: MeasureLimits): MixgateError | null {
  for (const [measure, limit] of MEASURED)
    if (measures[measure] > limits[limit]) return tooComplex(limit, limits[limit], measures[measure]);
  return null;
}

const MEASURED = [
  ['depth', 'maxDepth'],
  ['aliases', 'maxAliases'],
  ['directives', 'maxDirectives'],
] as const;

const limit = 'trustedDocumentsOnly';

export const notTrusted = (): MixgateError =>
  new MixgateError(
    'DOCUMENT_NOT_TRUSTED',
    'This gateway runs only documents that it knows: its operator adds yours with trustedDocuments.',
    { limit },
  );

/** Clients know the next two by exactly these messages, urql, or by their codes, Apollo's: what to do stands beside. */
export const notFound = (): MixgateError =>
  new MixgateError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound', {
    limit: 'trustedDocuments',
    advice: 'No trusted document has this id. Send the document itself, or add it to trustedDocuments.',
  });

export const notSupported = (): MixgateError =>
  new MixgateError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported', {
    limit: 'trustedDocuments',
    advice: 'This gateway was given no trustedDocuments. Send the document itself.',
  });
