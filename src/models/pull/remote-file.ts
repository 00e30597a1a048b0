import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { MixgateError, messageOf } from '../../errors.ts';
import { refuse, unavailable, type Http } from './http.ts';

/** What a file's bytes must come to. `git-sha1` is Git's own: over a prefix with the length, too. */
export interface Digest {
  readonly algorithm: 'sha256' | 'git-sha1';
  readonly hex: string;
}

/** Bytes on their way. */
export interface Opened {
  readonly body: Readable;
  /** Where the body starts in the file: where it was asked for, or 0 from a server that only sends whole files. */
  readonly start: number;
  /** Of the whole file; null where the server does not say. */
  readonly sizeBytes: number | null;
  /** Tells one version of the file from another; null where the server has nothing of the kind. */
  readonly validator: string | null;
  readonly acceptsRanges: boolean;
}

/** A file at its source. */
export interface RemoteFile {
  /** Where it goes, relative to the folder of its source. Checked: it leads nowhere else. */
  readonly name: string;
  /** As listed; null where nobody has said yet. */
  readonly sizeBytes: number | null;
  readonly digest: Digest | null;
  /**
   * Bytes from `start` up to before `end`; null: to the end.
   * @throws SourceChanged when it is not the version of `validator` any more; SOURCE_UNAVAILABLE, NOT_FOUND, FORBIDDEN
   */
  open(
    range: { start: number; end: number | null },
    validator: string | null,
    signal: AbortSignal,
  ): Promise<Opened>;
}

/** What a source turned out to be, for whoever reads it to act on. */
export class SourceError extends Error {}

/** The file at the source is another than the one that was begun. */
export class SourceChanged extends SourceError {}

const MAX_RETRY_AFTER_S = 60;

export function httpFile(
  http: Http,
  url: URL,
  about: Pick<RemoteFile, 'name' | 'sizeBytes' | 'digest'>,
): RemoteFile {
  return {
    ...about,
    async open({ start, end }, validator, signal) {
      const headers = {
        range: `bytes=${start}-${end === null ? '' : end - 1}`,
        ...(validator !== null && { 'if-range': validator }),
      };
      const { status, headers: answered, body } = await http.get(url, headers, signal);
      const common = { body, validator: validatorOf(answered) };
      try {
        if (status === 200) {
          if (validator !== null && validatorOf(answered) !== validator) throw new SourceChanged();
          const sizeBytes = wholeNumber(answered['content-length']);
          return { ...common, start: 0, sizeBytes, acceptsRanges: false };
        }
        if (status === 206) {
          const { validator: current } = common;
          if (validator !== null && current !== null && current !== validator) throw new SourceChanged();
          const sizeBytes = totalOf(answered['content-range'], start, url);
          return { ...common, start, sizeBytes, acceptsRanges: true };
        }
        if (status === 416 || status === 412) throw new SourceChanged();
        if (status === 429 || status === 503) throw busy(url, status, answered['retry-after']);
        return refuse(url, status);
      } catch (error) {
        body.destroy();
        throw error;
      }
    },
  };
}

/** A strong ETag, or the time of change: a weak ETag promises nothing of bytes. */
function validatorOf(headers: Readonly<Record<string, unknown>>): string | null {
  const { etag, 'last-modified': lastModified } = headers;
  if (typeof etag === 'string' && !etag.startsWith('W/')) return etag;
  return typeof lastModified === 'string' ? lastModified : null;
}

/** @throws SOURCE_UNAVAILABLE for another range than was asked for */
function totalOf(header: unknown, start: number, url: URL): number | null {
  const [, from, , total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(header)) ?? [];
  if (Number(from) !== start)
    throw unavailable(url, `sends another range than ${start}- (${String(header)})`);
  return total === '*' ? null : wholeNumber(total);
}

function wholeNumber(text: unknown): number | null {
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : null;
}

function busy(url: URL, status: number, retryAfter: unknown): MixgateError {
  const seconds = Math.min(wholeNumber(retryAfter) ?? 0, MAX_RETRY_AFTER_S);
  const { message, data } = unavailable(url, `answers ${status}`);
  return new MixgateError('SOURCE_UNAVAILABLE', message, { ...data, status, retryAfterMs: seconds * 1000 });
}

/** @throws NOT_FOUND */
export async function localFile(
  path: string,
  about: Pick<RemoteFile, 'name' | 'digest'>,
): Promise<RemoteFile> {
  const stats = await stat(path).catch((error: unknown) => {
    throw new MixgateError('NOT_FOUND', `${path} cannot be read: ${messageOf(error)}.`, { path });
  });
  if (!stats.isFile()) throw new MixgateError('INVALID_INPUT', `${path} is not a file.`, { path });
  return {
    ...about,
    sizeBytes: stats.size,
    async open({ start, end }, validator) {
      const { size, mtimeMs } = await stat(path);
      const current = `${size}:${mtimeMs}`;
      if (validator !== null && validator !== current) throw new SourceChanged();
      const body = createReadStream(path, { start, end: (end ?? size) - 1 });
      body.on('error', () => undefined);
      return { body, start, sizeBytes: size, validator: current, acceptsRanges: true };
    },
  };
}
