import { open, mkdir, realpath, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { MixgateError } from '../../errors.ts';
import { readGgufHeader } from '../gguf.ts';
import { diskError, freeBytes, usedBytes } from './disk.ts';
import { PartFile, type TransferOptions } from './part-file.ts';
import type { Pull } from './pull.ts';
import type { RemoteFile } from './remote-file.ts';
import { within } from './safe-name.ts';
import type { VerifiedFiles } from './verified-files.ts';
import { verify } from './verify.ts';

export interface TransferSettings extends TransferOptions {
  readonly modelsFolder: string;
  /** Bytes that all pulled models together may take; null: as the disk has. */
  readonly diskBudgetBytes: number | null;
  readonly verified: VerifiedFiles;
}

interface Item {
  readonly remote: RemoteFile;
  /** Where it is in the end. */
  readonly target: string;
  /** Null where it is there already. */
  readonly part: PartFile | null;
}

/** Bytes of a disk that are left free. */
const SPARE_BYTES = 64 * 2 ** 20;
/** How often progress is worth telling, at most. */
const TELL_MS = 50;

/**
 * Brings files into a folder of the models folder: whole, checked and at once, or not at all.
 * @throws as `PartFile.download` and `verify`; DISK_FULL; VARIANT_NOT_AVAILABLE for a file that is no GGUF file
 */
export async function transfer(
  pull: Pull,
  { folder, files, partsFolder }: { folder: string; files: readonly RemoteFile[]; partsFolder: string },
  { settings, signal }: { settings: TransferSettings; signal: AbortSignal },
): Promise<readonly string[]> {
  const destination = within(settings.modelsFolder, folder);
  const tell = teller(() => pull.progress(figures(items)));
  const items = await Promise.all(
    files.map((remote, index) =>
      itemOf(remote, destination, { index, partsFolder, settings, onBytes: tell.soon }),
    ),
  );
  try {
    await checkRoom(items, settings);
    pull.change({ state: 'DOWNLOADING' });
    tell.now();
    await download(items, settings, signal);
    pull.change({ state: 'VERIFYING' });
    await check(items, pull, { settings, signal });
  } finally {
    tell.now();
  }
  await moveAll(items, destination, settings.modelsFolder);
  const verified = items.flatMap(({ target, remote: { digest } }) =>
    digest === null ? [] : [{ place: target, digest }],
  );
  // Only spares reading them again.
  await settings.verified.add(verified).catch(() => undefined);
  return items.map(({ target }) => target);
}

async function itemOf(
  remote: RemoteFile,
  destination: string,
  {
    index,
    partsFolder,
    settings,
    onBytes,
  }: { index: number; partsFolder: string; settings: TransferSettings; onBytes: () => void },
): Promise<Item> {
  const target = within(destination, remote.name);
  const size = await stat(target).then(
    (stats) => stats.size,
    () => null,
  );
  // Of the right size: what its hash says is seen when all are verified.
  if (size !== null && size === remote.sizeBytes) return { remote, target, part: null };
  return {
    remote,
    target,
    part: new PartFile(remote, path.join(partsFolder, `${index}.part`), settings, onBytes),
  };
}

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

/** @throws DISK_FULL before a byte is fetched */
async function checkRoom(
  items: readonly Item[],
  { modelsFolder, diskBudgetBytes }: TransferSettings,
): Promise<void> {
  const needed = items.reduce(
    (sum, { part }) => sum + (part === null ? 0 : Math.max(0, (part.sizeBytes ?? 0) - part.receivedBytes)),
    0,
  );
  const free = (await freeBytes(modelsFolder)) - SPARE_BYTES;
  if (needed > 0 && needed > free)
    throw new MixgateError(
      'DISK_FULL',
      `${needed} more bytes are needed and ${Math.max(0, free)} are free on the disk of ${modelsFolder}: free some, for instance with \`mixgate remove\`.`,
      { neededBytes: needed, freeBytes: Math.max(0, free) },
    );
  if (diskBudgetBytes === null) return;
  const used = await usedBytes(modelsFolder);
  if (used + needed <= diskBudgetBytes) return;
  throw new MixgateError(
    'DISK_FULL',
    `${needed} more bytes are needed; models take ${used} of the ${diskBudgetBytes} bytes that the disk budget allows: remove some, or raise diskBudget.`,
    { neededBytes: needed, usedBytes: used, diskBudgetBytes },
  );
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

/** What is not what it should be is thrown away, so that another try begins anew. */
async function check(
  items: readonly Item[],
  pull: Pull,
  { settings: { verified }, signal }: { settings: TransferSettings; signal: AbortSignal },
): Promise<void> {
  let verifiedBytes = 0;
  const onBytes = (bytes: number) => {
    verifiedBytes += bytes;
    tell.soon();
  };
  const tell = teller(() => pull.progress({ verifiedBytes }));
  for (const { remote, target, part } of items) {
    if (part === null && remote.digest !== null && (await verified.has(target, remote.digest))) continue;
    const file = part?.path ?? target;
    try {
      if (remote.digest !== null)
        await verify({ path: file, name: remote.name }, remote.digest, { signal, onBytes });
      if (/\.gguf$/i.test(remote.name)) await readGgufHeader(file, signal);
    } catch (error) {
      if (!signal.aborted)
        await (part ?? new PartFile(remote, target, NO_TRANSFER, () => undefined)).discard();
      throw named(error, file, remote.name);
    }
  }
  tell.now();
}

const NO_TRANSFER: TransferOptions = { connections: 1, segmentBytes: 1, stallMs: 1, attempts: 1, retryMs: 1 };

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
    await part.discard();
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
