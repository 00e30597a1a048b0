import { fileURLToPath } from 'node:url';
import os from 'node:os';
import path from 'node:path';
import { MixgateError } from '../../errors.ts';

/** Which of the variants that a source has. */
export type Selection =
  | { readonly kind: 'best' }
  | { readonly kind: 'all' }
  /** By quantization, or by the label in the file's name. */
  | { readonly kind: 'named'; readonly names: readonly string[] };

/** Where weights come from. */
export type Source =
  | {
      readonly scheme: 'hf';
      readonly repo: string;
      readonly revision: string;
      /** One file of the repository, or null. */
      readonly file: string | null;
      readonly selection: Selection;
    }
  | { readonly scheme: 'https' | 'http'; readonly url: URL }
  | { readonly scheme: 'file'; readonly path: string };

/** Does a text name a source, and not a model that is here? */
export const isSource = (text: string): boolean => /^(hf|https?|file):/i.test(text);
/** Whether it names a file of this machine. */
export const isFileSource = (text: string): boolean => /^\s*file:/i.test(text);

const MAX_LENGTH = 2048;
const REPO = /^[\w][\w.-]{0,95}\/[\w][\w.-]{0,95}$/;
const REVISION = /^[\w][\w./-]{0,200}$/;
const NAME = /^[\w][\w.+-]{0,100}$/;
const HELP = 'Give hf:owner/repo[:QUANT], https://host/model.gguf or file:/path/model.gguf.';

const invalid = (problem: string): MixgateError =>
  new MixgateError('INVALID_INPUT', `source: ${problem} ${HELP}`);

/** @throws INVALID_INPUT */
export function parseSource(text: string): Source {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH) throw invalid(`is longer than ${MAX_LENGTH} characters.`);
  if (/[\u0000-\u001f\u007f]/.test(trimmed)) throw invalid('has control characters.');
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme === 'hf') return hubSource(trimmed.slice(3));
  if (scheme === 'https' || scheme === 'http') return urlSource(trimmed);
  if (scheme === 'file') return fileSource(trimmed);
  throw invalid(
    scheme === undefined ? 'has no scheme.' : `${scheme}: is not a scheme that weights can come by.`,
  );
}

interface Allowance {
  readonly schemes: readonly Source['scheme'][];
  /** @throws FORBIDDEN for an address that may not be reached */
  readonly check: (url: URL) => void;
}

/** A source that this gateway may pull from. @throws INVALID_INPUT, FORBIDDEN */
export function allowedSource(text: string, { schemes, check }: Allowance): Source {
  const source = parseSource(text);
  if (!schemes.includes(source.scheme))
    throw new MixgateError(
      'FORBIDDEN',
      `source: ${source.scheme}: is not allowed here, only ${schemes.join(', ')}.`,
    );
  if ('url' in source) check(source.url);
  return source;
}

function hubSource(text: string): Source {
  const [, address = '', selected] = /^([^:]*)(?::(.*))?$/s.exec(text.replace(/^\/\//, '')) ?? [];
  const [, place = '', revision = 'main'] = /^([^@]*)(?:@(.*))?$/s.exec(address) ?? [];
  const [owner, name, ...rest] = place.split('/');
  const repo = `${owner}/${name}`;
  if (name === undefined || !REPO.test(repo) || /\.\.|--/.test(repo))
    throw invalid(`hf:${place} is no owner/repo.`);
  if (!REVISION.test(revision) || revision.includes('..')) throw invalid(`${revision} is no revision.`);
  const file = rest.length === 0 ? null : rest.join('/');
  if (file !== null && selected !== undefined)
    throw invalid('names a file and a quantization: name one of them.');
  return { scheme: 'hf', repo, revision, file, selection: selectionOf(selected) };
}

function selectionOf(text: string | undefined): Selection {
  const lower = text?.toLowerCase();
  if (lower === undefined || lower === 'best') return { kind: 'best' };
  if (lower === 'all' || lower === '*') return { kind: 'all' };
  const names = lower.split(',').map((name) => name.trim().toUpperCase());
  if (names.some((name) => ['BEST', 'ALL', '*'].includes(name)))
    throw invalid(`${text} mixes names with all or best: give one or the other.`);
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong !== undefined) throw invalid(`"${wrong}" is no quantization.`);
  return { kind: 'named', names: [...new Set(names)] };
}

function urlSource(text: string): Source {
  if (!URL.canParse(text)) throw invalid('is no URL.');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    throw invalid('carries a user or a password; tokens come from the environment (HF_TOKEN).');
  url.hash = '';
  return hubUrl(url) ?? { scheme: url.protocol === 'https:' ? 'https' : 'http', url };
}

/** The Hub's own address of a file: as a hub source its hash is known too. */
function hubUrl({ hostname, protocol, pathname }: URL): Source | null {
  if (protocol !== 'https:' || hostname !== 'huggingface.co') return null;
  const [, owner, name, kind, revision, ...file] = decoded(pathname).split('/');
  const isFile = (kind === 'resolve' || kind === 'blob') && file.length > 0;
  if (!isFile) return kind === undefined && name !== undefined ? hubSource(`${owner}/${name}`) : null;
  return hubSource(`${owner}/${name}/${file.join('/')}@${revision}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a path that is not encoded as URLs are.');
  }
}

function fileSource(text: string): Source {
  const place = text.slice('file:'.length);
  if (!place.startsWith('//'))
    return { scheme: 'file', path: path.resolve(place.replace(/^~(?=\/)/, os.homedir())) };
  try {
    return { scheme: 'file', path: fileURLToPath(text) };
  } catch {
    throw invalid('is no file on this machine.');
  }
}

/** For people and logs: without the query, which may hold a signature. */
export function shown(source: Source): string {
  if (!('url' in source)) return canonical(source);
  const { origin, pathname, search } = source.url;
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}

/** The same text for the same source, however it was written. */
export function canonical(source: Source): string {
  switch (source.scheme) {
    case 'hf': {
      const { repo, revision, file, selection } = source;
      const place = `hf:${repo}${file === null ? '' : `/${file}`}${revision === 'main' ? '' : `@${revision}`}`;
      const selected = selection.kind === 'named' ? selection.names.join(',') : selection.kind;
      return file === null && selection.kind !== 'best' ? `${place}:${selected}` : place;
    }
    case 'file':
      return `file:${source.path}`;
    case 'https':
    case 'http':
      return source.url.href;
  }
}
