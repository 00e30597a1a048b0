import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { MixgateError, messageOf } from '../errors.ts';
import type { LocalVariant } from './variant.ts';

/**
 * Deletes a variant's files, and folders that are empty then, but never one of `roots`. Gives the bytes that came
 * back: a link, or a file with another name elsewhere, frees nothing. @throws FORBIDDEN for files outside the folders
 */
export async function removeFiles({ id, files }: LocalVariant, roots: readonly string[]): Promise<number> {
  const folders = roots.map((root) => path.resolve(root));
  for (const { path: file } of files)
    if (!folders.some((folder) => file.startsWith(folder + path.sep)))
      throw new MixgateError('FORBIDDEN', `${id} is not in a models folder: delete ${file} yourself.`);
  let bytes = 0;
  for (const { path: file } of files) {
    const stats = await lstat(file).catch(() => null);
    await rm(file, { force: true }).catch((error: unknown) => {
      throw new MixgateError('FORBIDDEN', `${file} cannot be deleted: ${messageOf(error)}.`, { path: file });
    });
    if (stats?.isFile() === true && stats.nlink === 1) bytes += stats.size;
  }
  const parents = new Set(files.map(({ path: file }) => path.dirname(file)));
  for (const parent of parents) await removeEmpty(parent, folders);
  return bytes;
}

async function removeEmpty(folder: string, roots: readonly string[]): Promise<void> {
  const isInside = roots.some((root) => folder.startsWith(root + path.sep));
  if (!isInside || (await readdir(folder)).length > 0) return;
  await rmdir(folder);
  await removeEmpty(path.dirname(folder), roots);
}
