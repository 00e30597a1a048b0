import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { glob } from 'tinyglobby';
import { MixgateError } from '../../errors.ts';
import { partNames, withoutSplit } from '../gguf-split.ts';
import { MLC_TABLES } from '../mlc-facts.ts';
import { ggufUnits, isMlcFile, MLC_CONFIG } from '../weight-units.ts';
import { listRepository, type HubOptions } from './hub.ts';
import { httpFile, localFile, type RemoteFile } from './remote-file.ts';
import { safeName } from './safe-name.ts';
import type { Source } from './source.ts';

/** One variant that a source has. */
export interface OfferedVariant {
  /** What its files' names say it is, e.g. `Q4_K_M` or `UD-Q4_K_XL`: to choose by, until its header is read. */
  readonly label: string;
  readonly format: 'GGUF' | 'MLC';
  /** In the order of their parts. */
  readonly files: readonly RemoteFile[];
}

/** What a source has. */
export interface Offer {
  /** Where its files go, relative to the models folder. */
  readonly folder: string;
  readonly variants: readonly OfferedVariant[];
}

/** Not weights of a language model, though in their format. */
const NOT_A_MODEL = /(^|[-_./])(mmproj|imatrix)/i;
/** A quantization at the end of a name. */
const LABEL = /(?:^|[-._/])((?:UD-)?(?:I?Q\d\w*|TQ\d_\d|MXFP4\w*|NVFP4\w*|B?F16|F32))$/i;
/** @throws NOT_FOUND where there are no weights; FORBIDDEN, SOURCE_UNAVAILABLE, INVALID_INPUT */
export async function offerOf(source: Source, options: HubOptions, signal: AbortSignal): Promise<Offer> {
  switch (source.scheme) {
    case 'hf':
      return hubOffer(source, options, signal);
    case 'https':
    case 'http':
      return urlOffer(source.url, options);
    case 'file':
      return localOffer(source.path);
  }
}

async function hubOffer(
  source: Source & { scheme: 'hf' },
  options: HubOptions,
  signal: AbortSignal,
): Promise<Offer> {
  const { repo, file } = source;
  const { files, refused } = await listRepository(options, source, signal);
  const variants = [...ggufVariants(files), ...mlcVariants(files)];
  const offered =
    file === null ? variants : variants.filter((variant) => variant.files.some(({ name }) => name === file));
  if (offered.length > 0) return { folder: repo, variants: offered };
  const unsafe =
    refused.length === 0
      ? ''
      : ` Names that lead out of a folder were left out: ${refused.slice(0, 3).join(', ')}.`;
  const what = file === null ? 'no GGUF files and no MLC weights' : `no weights called ${file}`;
  throw new MixgateError('NOT_FOUND', `hf:${repo} has ${what}.${unsafe}`, { repo, refused });
}

/** Of files by name, each a variant; split ones with all their parts or not at all. */
export function ggufVariants(files: readonly RemoteFile[]): OfferedVariant[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const names = files
    .map(({ name }) => name)
    .filter((name) => /\.gguf$/i.test(name) && !NOT_A_MODEL.test(name));
  return ggufUnits(names)
    .filter(({ missing }) => missing.length === 0)
    .map((unit) => ({
      label: labelOf(unit.path),
      format: 'GGUF' as const,
      files: unit.files.map((name) => byName.get(name)!),
    }));
}

function labelOf(name: string): string {
  const plain = withoutSplit(name).replace(/\.gguf$/i, '');
  return LABEL.exec(plain)?.[1]?.toUpperCase() ?? path.posix.basename(plain);
}

/** Only at the top of a repository, as MLC publishes them. */
function mlcVariants(files: readonly RemoteFile[]): OfferedVariant[] {
  const names = new Set(files.map(({ name }) => name));
  if (!names.has(MLC_CONFIG) || !MLC_TABLES.some((name) => names.has(name))) return [];
  return [{ label: 'MLC', format: 'MLC', files: files.filter(({ name }) => isMlcFile(name)) }];
}

/** A file, and where its name says so the other parts beside it. @throws INVALID_INPUT */
function urlOffer(url: URL, { http }: HubOptions): Offer {
  const name = safeName(decoded(url.pathname.split('/').at(-1) ?? ''));
  if (name === null || !/\.gguf$/i.test(name))
    throw new MixgateError('INVALID_INPUT', `source: ${url.pathname} is not the name of a GGUF file.`);
  const names = partNames(name);
  const files = names.map((part) => {
    const place = new URL(url);
    place.pathname = [...url.pathname.split('/').slice(0, -1), encodeURIComponent(part)].join('/');
    return httpFile(http, names.length === 1 ? url : place, {
      name: part,
      sizeBytes: null,
      digest: null,
    });
  });
  return { folder: folderOf(url), variants: [{ label: labelOf(name), format: 'GGUF', files }] };
}

/** By host and path: files of one name from two places are two files. */
function folderOf({ hostname, port, pathname }: URL): string {
  const host = [hostname.replace(/^\[|\]$|\.$/g, '').replaceAll(':', '-'), port].filter(Boolean).join('-');
  const folders = pathname.split('/').slice(1, -1).map(decoded);
  return safeName([host, ...folders].join('/')) ?? `${host}/${shortHash(pathname)}`;
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @throws NOT_FOUND, INVALID_INPUT */
async function localOffer(place: string): Promise<Offer> {
  if (existsSync(path.join(place, MLC_CONFIG))) {
    const names = (await glob('*', { cwd: place, onlyFiles: true, expandDirectories: false })).filter(
      (name) => isMlcFile(name),
    );
    const files = await Promise.all(
      names.map((name) => localFile(path.join(place, name), { name, digest: null })),
    );
    return { folder: `local/${shortHash(place)}/${path.basename(place)}`, variants: mlcVariants(files) };
  }
  if (!/\.gguf$/i.test(place))
    throw new MixgateError(
      'INVALID_INPUT',
      `source: ${place} is neither a GGUF file nor a folder of MLC weights.`,
    );
  const files = await Promise.all(
    partNames(place).map((part) => localFile(part, { name: path.basename(part), digest: null })),
  );
  const folder = `local/${shortHash(path.dirname(place))}`;
  return { folder, variants: [{ label: labelOf(path.basename(place)), format: 'GGUF', files }] };
}

/**
 * The files with hashes that were given instead of those that are listed: of the one file, or by name (with or without
 * its folders). @throws INVALID_INPUT for a hash that is of none of them: a typo may not turn the check off
 */
export function withDigests(
  files: readonly RemoteFile[],
  sha256: string | Readonly<Record<string, string>> | null,
): readonly RemoteFile[] {
  if (sha256 === null) return files;
  if (typeof sha256 === 'string' && files.length !== 1)
    throw new MixgateError(
      'INVALID_INPUT',
      `sha256: there are ${files.length} files; give a hash for each, by name.`,
    );
  const given = typeof sha256 === 'string' ? { [files[0]!.name]: sha256 } : sha256;
  const matches = (file: RemoteFile, name: string) =>
    file.name === name || path.posix.basename(file.name) === name;
  const stray = Object.keys(given).find((name) => !files.some((file) => matches(file, name)));
  if (stray !== undefined)
    throw new MixgateError(
      'INVALID_INPUT',
      `sha256: there is no file ${stray} among what is pulled: ${files.map(({ name }) => name).join(', ')}.`,
    );
  return files.map((file) => {
    const hex = Object.entries(given).find(([name]) => matches(file, name))?.[1];
    return hex === undefined ? file : { ...file, digest: { algorithm: 'sha256', hex: hex.toLowerCase() } };
  });
}
