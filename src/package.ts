import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file that comes with the package, from its root. */
export const packaged = (relative: string): string =>
  fileURLToPath(new URL(`../${relative}`, import.meta.url));

export const { version } = JSON.parse(readFileSync(packaged('package.json'), 'utf8')) as { version: string };
