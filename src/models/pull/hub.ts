import { listFiles } from '@huggingface/hub';
import { asMixgateError, MixgateError } from '../../errors.ts';
import { httpFile, type RemoteFile } from './remote-file.ts';
import { readText, refuse, type Http } from './http.ts';
import { safeName } from './safe-name.ts';

export interface HubOptions {
  readonly http: Http;
  /** Without a slash at its end. */
  readonly endpoint: string;
}

const MAX_LISTING_BYTES = 32 * 2 ** 20;
const MAX_ENTRIES = 20_000;
const MAX_PAGES = 200;
/** Names that are told of. */
const MAX_REFUSED = 10;

export interface Repository {
  readonly files: readonly RemoteFile[];
  /** Names of files that lead outside of a folder, and are not touched. */
  readonly refused: readonly string[];
}

/** The files of a repository on the Hugging Face Hub, or a mirror of it. @throws NOT_FOUND, FORBIDDEN, SOURCE_UNAVAILABLE */
export async function listRepository(
  { http, endpoint }: HubOptions,
  { repo, revision }: { readonly repo: string; readonly revision: string },
  signal: AbortSignal,
): Promise<Repository> {
  const files: RemoteFile[] = [];
  const refused: string[] = [];
  const listing = listFiles({
    repo,
    revision,
    recursive: true,
    hubUrl: endpoint,
    fetch: fetchBy(http, repo, signal),
  });
  let entries = 0;
  try {
    for await (const { type, path, size, oid, lfs } of listing) {
      if (++entries > MAX_ENTRIES) throw tooLong(repo);
      if (type !== 'file') continue;
      const name = safeName(path);
      if (name === null) refused.push(String(path).slice(0, 200));
      else
        files.push(
          httpFile(http, fileUrl(endpoint, repo, revision, name), {
            name,
            sizeBytes: sizeOf(lfs?.size ?? size),
            digest: digestOf(lfs?.oid, oid),
          }),
        );
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MixgateError) throw error;
    throw new MixgateError(
      'SOURCE_UNAVAILABLE',
      `${endpoint} does not list ${repo} as the Hub does: ${asMixgateError(error).message}`,
    );
  }
  return { files, refused: refused.slice(0, MAX_REFUSED) };
}

function fileUrl(endpoint: string, repo: string, revision: string, name: string): URL {
  const place = [...revision.split('/'), ...name.split('/')].map(encodeURIComponent).join('/');
  return new URL(`${endpoint}/${repo}/resolve/${place}`);
}

const tooLong = (repo: string): MixgateError =>
  new MixgateError('INVALID_INPUT', `${repo} has too many files to list: name one of them.`);

const sizeOf = (size: unknown): number | null =>
  typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : null;

/** Of large files the Hub tells the SHA-256 of their content, of small ones Git's hash. */
function digestOf(lfs: unknown, git: unknown): RemoteFile['digest'] {
  if (typeof lfs === 'string') {
    const hex = lfs.replace(/^sha256:/, '').toLowerCase();
    if (/^[0-9a-f]{64}$/.test(hex)) return { algorithm: 'sha256', hex };
  }
  return typeof git === 'string' && /^[0-9a-f]{40}$/i.test(git)
    ? { algorithm: 'git-sha1', hex: git.toLowerCase() }
    : null;
}

/** What the client library asks goes the same guarded way as everything else. */
function fetchBy(http: Http, repo: string, signal: AbortSignal): typeof fetch {
  let pages = 0;
  return async (input) => {
    if (++pages > MAX_PAGES) throw tooLong(repo);
    const url = new URL(input instanceof Request ? input.url : input);
    const response = await http.get(url, { accept: 'application/json' }, signal);
    if (response.status >= 400) {
      response.body.destroy();
      refuse(url, response.status);
    }
    const text = await readText(response, url, MAX_LISTING_BYTES);
    const { link } = response.headers;
    return new Response(text, {
      status: response.status,
      headers: { 'content-type': 'application/json', ...(typeof link === 'string' && { link }) },
    });
  };
}
