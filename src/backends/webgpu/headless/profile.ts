import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PREFIX = 'mixgate-headless-';
const MOST_ATTEMPTS = 20;
const BETWEEN_ATTEMPTS_MS = 100;
/** Somebody still writes there or, on Windows, has it open. */
const IN_USE = new Set(
  process.platform === 'win32' ? ['ENOTEMPTY', 'EBUSY', 'EPERM'] : ['ENOTEMPTY', 'EBUSY'],
);

/**
 * A folder for one run of Chromium, named after this process. What processes that were killed left behind is removed,
 * since they could not.
 */
export async function freshProfile(folder = os.tmpdir()): Promise<string> {
  for (const name of await readdir(folder)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) await removeProfile(path.join(folder, name));
  }
  return mkdtemp(path.join(folder, `${PREFIX}${process.pid}-`));
}

/**
 * Removes it even while Chromium's processes are about to end in it: by itself, `rm` looks only once at what is there.
 * What another user owns, or stays in use, stays for another time.
 */
export async function removeProfile(profile: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rm(profile, { recursive: true, force: true });
    } catch (error) {
      if (attempt === MOST_ATTEMPTS || !IN_USE.has((error as NodeJS.ErrnoException).code ?? '')) return;
      await delay(BETWEEN_ATTEMPTS_MS);
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
