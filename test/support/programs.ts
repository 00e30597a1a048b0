import { existsSync } from 'node:fs';
import path from 'node:path';

/** Why a test that needs programs is skipped, for its name; empty where all of them are there. */
export function lacking(...programs: readonly string[]): string {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const missing = programs.filter((name) => !folders.some((folder) => existsSync(path.join(folder, name))));
  return missing.length === 0 ? '' : ` (needs ${missing.join(', ')}: apt-get install brings them)`;
}
