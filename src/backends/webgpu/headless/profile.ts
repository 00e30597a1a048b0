import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PREFIX = 'mixgate-headless-';

/**
 * A folder for one run of Chromium, named after this process. What processes that were killed left behind is removed,
 * since they could not.
 */
export function freshProfile(folder = os.tmpdir()): string {
  for (const name of readdirSync(folder)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) removeProfile(path.join(folder, name));
  }
  return mkdtempSync(path.join(folder, `${PREFIX}${process.pid}-`));
}

/** What another user owns, or Windows still holds open, stays for another time. */
export function removeProfile(profile: string): void {
  try {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  } catch {
    return;
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
