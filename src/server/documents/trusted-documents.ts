import { createHash } from 'node:crypto';
import { print, type DocumentNode } from 'graphql';

export interface TrustedDocument {
  readonly query: string;
  readonly document: DocumentNode;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Documents that are known beforehand: by the ids of their manifest, by their hash, and by what they say. */
export class TrustedDocuments {
  /** By id; the hash of a document's text is one too. */
  readonly #byId = new Map<string, TrustedDocument>();
  /** By the hash of the document as it is printed: white space and comments make no difference. */
  readonly #byMeaning = new Map<string, TrustedDocument>();

  /** @returns the other document that has this id already, null where there is none */
  add(id: string, trusted: TrustedDocument): TrustedDocument | null {
    const meaning = meaningOf(trusted.document);
    const other = this.#byId.get(id);
    if (other !== undefined && meaningOf(other.document) !== meaning) return other;
    for (const each of [id, sha256(trusted.query), meaning]) this.#byId.set(each, trusted);
    this.#byMeaning.set(meaning, trusted);
    return null;
  }

  /** `sha256:HASH`, as the GraphQL over HTTP specification writes one, is the same as the hash alone. */
  byId(id: string): TrustedDocument | null {
    return this.#byId.get(id) ?? this.#byId.get(id.replace(/^sha256:/, '')) ?? null;
  }

  byMeaning(document: DocumentNode): TrustedDocument | null {
    return this.#byMeaning.get(meaningOf(document)) ?? null;
  }
}

const meaningOf = (document: DocumentNode): string => sha256(print(document));
