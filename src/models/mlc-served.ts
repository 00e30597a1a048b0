import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MixgateError } from '../errors.ts';
import type { LibraryInterface } from '../routing/weights.ts';
import type { FileHashes } from './file-hashes.ts';
import { MLC_TABLES, mlcTableSchema, parseMlcJson } from './mlc-facts.ts';
import type { ModelLibraries } from './model-libraries.ts';
import type { LocalVariant } from './variant.ts';

/** A file as a browser is given it. */
export interface ServedFile {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

export interface ServedFolder {
  readonly files: readonly ServedFile[];
  /** Name of the model library among them. */
  readonly library: string;
  readonly interface: LibraryInterface;
}

interface Sources {
  readonly hashes: FileHashes;
  readonly libraries: ModelLibraries;
}

/**
 * All that web-llm asks for of MLC weights, each file whole by its hash.
 * @throws INTEGRITY_MISMATCH for a broken shard, VARIANT_NOT_AVAILABLE, what fetching a library throws; the signal's reason
 */
export async function servedFolder(
  variant: LocalVariant,
  { hashes, libraries }: Sources,
  signal?: AbortSignal,
): Promise<ServedFolder> {
  const files = variant.files.filter(({ path: file }) => !file.endsWith('.wasm'));
  const promised = await promisedHashes(files);
  const served: ServedFile[] = [];
  for (const { path: file, sizeBytes } of files) {
    const name = path.basename(file);
    const sha256 = await hashes.sha256(file, promised.get(name) ?? null, signal);
    served.push({ name, path: file, sizeBytes, sha256 });
  }
  const library = await libraryOf(variant, libraries, signal);
  served.push({ ...library, sha256: await hashes.sha256(library.path, null, signal) });
  await hashes.save().catch(() => undefined); // Where that cannot be, files are read again at the next start.
  return {
    files: withBothTables(served),
    library: library.name,
    interface: variant.mlc?.libraryInterface ?? 'FFI',
  };
}

/** MD5 by name, where the tensor table says one. */
async function promisedHashes(files: LocalVariant['files']): Promise<ReadonlyMap<string, string>> {
  const table = tableAmong(files.map((file) => ({ ...file, name: path.basename(file.path) })));
  if (table === undefined) return new Map();
  const { records } = parseMlcJson(await readFile(table.path, 'utf8'), table.path, mlcTableSchema);
  return new Map(
    records.flatMap(({ dataPath, md5sum }) => (md5sum === undefined ? [] : [[dataPath, md5sum] as const])),
  );
}

/** web-llm renamed the table in 0.2.80; its content is the same, so that folders of either age can be loaded. */
function withBothTables(files: readonly ServedFile[]): ServedFile[] {
  const table = tableAmong(files);
  if (table === undefined) return [...files];
  return [
    ...files.filter(({ name }) => !MLC_TABLES.some((each) => each === name)),
    ...MLC_TABLES.map((name) => ({ ...table, name })),
  ];
}

const tableAmong = <File extends { readonly name: string }>(files: readonly File[]): File | undefined =>
  MLC_TABLES.map((table) => files.find(({ name }) => name === table)).find((file) => file !== undefined);

async function libraryOf(
  { id, mlc, files, path: folder }: LocalVariant,
  libraries: ModelLibraries,
  signal?: AbortSignal,
): Promise<{ name: string; path: string; sizeBytes: number }> {
  const library = mlc?.library ?? null;
  if (library === null)
    throw new MixgateError('VARIANT_NOT_AVAILABLE', mlc?.problem ?? `${id} has no model library.`);
  const beside = files.find(({ path: file }) => path.basename(file) === library);
  if (beside !== undefined) return { ...beside, name: library };
  return libraries.get(new URL(library), folder, signal);
}
