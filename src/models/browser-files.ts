import { open, stat } from 'node:fs/promises';
import { MixgateError, messageOf } from '../errors.ts';
import { fileSource } from './byte-reader.ts';
import { readGgufLayout } from './gguf.ts';
import { virtualSplit, type SplitSource, type VirtualPart } from './gguf-virtual-split.ts';
import type { WeightFile } from './variant.ts';

/**
 * The most that a browser is given in one GGUF file. wllama's file system holds no file of 2^31 bytes or more: its
 * ftell gives no larger place. A tenth below, so that no block read ahead and no rounding comes near.
 */
const PART_BYTES = 1.9e9;

/**
 * A variant's files as a browser can hold them: as they are, or all of them cut anew where one GGUF file among them has
 * more than `partBytes`.
 * @throws VARIANT_NOT_AVAILABLE where a file cannot be read, or not be cut small enough
 */
export async function filesForBrowser(
  files: readonly WeightFile[],
  partBytes = PART_BYTES,
): Promise<readonly (WeightFile | VirtualPart)[]> {
  const isLarge = files.some((file) => /\.gguf$/i.test(file.path) && file.sizeBytes > partBytes);
  if (!isLarge) return files;
  return virtualSplit(await Promise.all(files.map((file) => splitSource(file.path))), partBytes);
}

/** Another whenever one of the files is: by place, size and time of change, since hashing gigabytes takes a while. */
export async function identityOf(files: readonly WeightFile[]): Promise<string> {
  const stats = await Promise.all(files.map((file) => stat(file.path)));
  return JSON.stringify(files.map(({ path }, index) => [path, stats[index]!.size, stats[index]!.mtimeMs]));
}

async function splitSource(path: string): Promise<SplitSource> {
  const layout = await readGgufLayout(path);
  const start = layout.tensors[0]?.start ?? 0;
  const end = layout.tensors.at(-1)?.end ?? start;
  try {
    await using file = await open(path, 'r');
    const table = await fileSource(file, layout.fileBytes).read(start, end - start);
    if (table.length === end - start) return { path, layout, table };
    throw new Error('it has changed meanwhile');
  } catch (error) {
    throw new MixgateError(
      'VARIANT_NOT_AVAILABLE',
      `${path} cannot be read: ${messageOf(error)}. Try again.`,
      { path },
      { cause: error },
    );
  }
}
