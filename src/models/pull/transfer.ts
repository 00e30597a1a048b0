import { createHash } from 'node:crypto';
import { open, mkdir, realpath, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { MixgateError } from '../../errors.ts';
import { readGgufHeader } from '../gguf.ts';
import { diskError } from './disk.ts';
import type { DiskRoom } from './disk-room.ts';
import { PartFile, type PartHooks, type TransferOptions } from './part-file.ts';
import type { Pull } from './pull.ts';
import type { RemoteFile } from './remote-file.ts';
import { within } from './safe-name.ts';
import type { VerifiedFiles } from './verified-files.ts';
import { verify } from './verify.ts';

export interface TransferSettings extends TransferOptions {
  readonly modelsFolder: string;
  readonly room: DiskRoom;
  readonly verified: VerifiedFiles;
}

interface Item {
  readonly remote: RemoteFile;
  /** Where it is in the end. */
  readonly target: string;
  /** Null where it is there already, with the hash that it should have. */
  readonly part: PartFile | null;
}

/** What is on its way, and how. */
interface Work {
  readonly pull: Pull;
  readonly settings: TransferSettings;
  readonly signal: AbortSignal;
}

/** How often progress is worth telling, at most. */
const TELL_MS = 50;

/**
 * Brings files into a folder of the models folder: whole, checked and at once, or not at all. What is there already is
 * only ever replaced by what is whole. Gives where they are.
 * @throws as `PartFile.download` and `verify`; DISK_FULL; VARIANT_NOT_AVAILABLE for a file that is no GGUF file
 */
export async function transfer(
  { folder, files, partsFolder }: { folder: string; files: readonly RemoteFile[]; partsFolder: string },
  work: Work,
): Promise<readonly string[]> {
  const { pull, settings, signal } = work;
  const destination = within(settings.modelsFolder, folder);
  const items: Item[] = [];
  const tell = teller(() => pull.progress(figures(items)));
  const room = settings.room.hold(() => outstandingBytes(items));
  try {
    const hooks = { onBytes: tell.soon, checkRoom: room.check };
    for (const remote of files) {
      const target = within(destination, remote.name);
      const part = (await isHere(remote, target, work)) ? null : partOf(remote, partsFolder, settings, hooks);
      items.push({ remote, target, part });
    }
    await room.check();
    pull.change({ state: 'DOWNLOADING' });
    tell.now();
    await download(items, settings, signal);
    pull.change({ state: 'VERIFYING' });
    await check(items, work);
    signal.throwIfAborted();
    await moveAll(items, destination, settings.modelsFolder);
  } finally {
    room.release();
    tell.now();
  }
  const verified = items.flatMap(({ target, remote: { digest } }) =>
    digest === null ? [] : [{ place: target, digest }],
  );
  // Only spares reading them again.
  await settings.verified.add(verified).catch(() => undefined);
  return items.map(({ target }) => target);
}

/** Only a hash tells that a file is the one that is wanted: its size says little. */
async function isHere({ name, sizeBytes, digest }: RemoteFile, target: string, work: Work): Promise<boolean> {
  const { pull, settings, signal } = work;
  const size = await stat(target).then(
    (stats) => stats.size,
    () => null,
  );
  if (size === null || size !== sizeBytes || digest === null) return false;
  if (await settings.verified.has(target, digest)) return true;
  pull.change({ state: 'VERIFYING' });
  try {
    await verify({ path: target, name }, digest, { signal, onBytes: () => undefined });
    return true;
  } catch (error) {
    if (error instanceof MixgateError && error.code === 'INTEGRITY_MISMATCH') return false;
    throw error;
  }
}

/** Named by what it is of: a list of files may have changed since a part was begun. */
function partOf(remote: RemoteFile, folder: string, settings: TransferSettings, hooks: PartHooks): PartFile {
  const name = createHash('sha256').update(remote.name).digest('hex').slice(0, 16);
  return new PartFile(remote, path.join(folder, `${name}.part`), settings, hooks);
}

const outstandingBytes = (items: readonly Item[]): number =>
  items.reduce(
    (sum, { part }) => sum + (part === null ? 0 : Math.max(0, (part.sizeBytes ?? 0) - part.receivedBytes)),
    0,
  );

function figures(items: readonly Item[]) {
  const files = items.map(({ remote, part }) => ({
    name: remote.name,
    sizeBytes: part === null ? remote.sizeBytes : part.sizeBytes,
    receivedBytes: part === null ? (remote.sizeBytes ?? 0) : part.receivedBytes,
  }));
  const isKnown = files.every(({ sizeBytes }) => sizeBytes !== null);
  const totalBytes = isKnown ? files.reduce((sum, { sizeBytes }) => sum + sizeBytes!, 0) : null;
  return { files, totalBytes };
}

/** Many small files at once, then each large one with all connections. */
async function download(
  items: readonly Item[],
  settings: TransferSettings,
  signal: AbortSignal,
): Promise<void> {
  const parts = items.flatMap(({ part }) => part ?? []);
  const isSmall = ({ sizeBytes }: PartFile) => sizeBytes !== null && sizeBytes <= settings.segmentBytes;
  const limit = pLimit(settings.connections);
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const small = parts.filter(isSmall).map((part) =>
    limit(async () => {
      either.throwIfAborted();
      await part.download(either);
    }),
  );
  try {
    await Promise.all(small);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(small);
    throw error;
  }
  for (const part of parts.filter((each) => !isSmall(each))) await part.download(signal);
}

/** What came and is not what it should be is thrown away, so that another try begins anew. */
async function check(items: readonly Item[], { pull, signal }: Work): Promise<void> {
  let verifiedBytes = 0;
  const tell = teller(() => pull.progress({ verifiedBytes }));
  const onBytes = (bytes: number) => {
    verifiedBytes += bytes;
    tell.soon();
  };
  for (const { remote, part } of items) {
    if (part === null) continue;
    const file = part.path;
    try {
      if (remote.digest !== null)
        await verify({ path: file, name: remote.name }, remote.digest, { signal, onBytes });
      if (/\.gguf$/i.test(remote.name)) await readGgufHeader(file, signal);
    } catch (error) {
      if (isWrong(error)) await part.discard();
      throw named(error, file, remote.name);
    }
  }
  tell.now();
}

/** Is it the bytes themselves that are wrong? A disk that cannot be read just now says nothing of them. */
function isWrong(error: unknown): boolean {
  if (!(error instanceof MixgateError)) return false;
  const { code, data } = error;
  return code === 'INTEGRITY_MISMATCH' || (code === 'VARIANT_NOT_AVAILABLE' && data['isUnreadable'] !== true);
}

/** The file's own name instead of the part's. */
function named(error: unknown, file: string, name: string): unknown {
  if (!(error instanceof MixgateError)) return error;
  return new MixgateError(error.code, error.message.replaceAll(file, name), { ...error.data, path: name });
}

/** Flushed before it is renamed: what has its name is whole, also after a power cut. */
async function moveAll(items: readonly Item[], destination: string, modelsFolder: string): Promise<void> {
  for (const { target, part } of items) {
    if (part === null) continue;
    const parent = path.dirname(target);
    try {
      await mkdir(parent, { recursive: true });
      await checkInside(parent, modelsFolder);
      await flush(part.path);
      await rename(part.path, target);
    } catch (error) {
      throw error instanceof MixgateError ? error : diskError(error, target);
    }
    await part.close();
  }
  await flush(destination);
}

/** A link inside the models folder could lead out of it. */
async function checkInside(folder: string, modelsFolder: string): Promise<void> {
  const [real, root] = await Promise.all([realpath(folder), realpath(modelsFolder)]);
  if (real === root || real.startsWith(root + path.sep)) return;
  throw new MixgateError('FORBIDDEN', `${folder} is a link that leads out of the models folder.`, {
    path: folder,
  });
}

async function flush(place: string): Promise<void> {
  const handle = await open(place, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Tells now and then, and not at every chunk. */
function teller(tell: () => void): { soon: () => void; now: () => void } {
  let toldAt = -Infinity;
  const now = () => {
    toldAt = performance.now();
    tell();
  };
  return { now, soon: () => (performance.now() - toldAt < TELL_MS ? undefined : now()) };
}
