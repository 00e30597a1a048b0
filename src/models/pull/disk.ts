import { open, readdir, stat, statfs, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { MixgateError, messageOf } from '../../errors.ts';

/** What a file system says when it has no room, or not for this user, or not for a file so large. */
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** What it says when this user may not. */
const REFUSED: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EROFS']);

/** A failed write, with its code. */
export function diskError(error: unknown, file: string): MixgateError {
  const { code } = error as NodeJS.ErrnoException;
  if (FULL.has(code))
    return new MixgateError(
      'DISK_FULL',
      `The disk is full (${path.dirname(file)}): free some space and start the pull again, which goes on where it stopped.`,
      { path: file },
    );
  if (REFUSED.has(code))
    return new MixgateError(
      'FORBIDDEN',
      `${file} may not be written by this user (${code}): change who owns it, or choose another --data-dir.`,
      { path: file },
    );
  return new MixgateError(
    'INTERNAL',
    `${file} cannot be written: ${messageOf(error)}`,
    { path: file },
    { cause: error },
  );
}

/** For writing at any place, keeping what is there. */
export async function openToWrite(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return open(file, 'w+');
    throw error;
  }
}

/** Bytes that this user may still write. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Bytes that a folder's files take, as `du` counts them; 0 where there is no folder. Links are not followed. */
export async function usedBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(path.join(entry.parentPath, entry.name)).then(
          ({ blocks, size }) => Math.min(size, blocks * 512),
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
