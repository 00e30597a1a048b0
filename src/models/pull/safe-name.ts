import path from 'node:path';
import sanitize from 'sanitize-filename';

const MAX_DEPTH = 8;
const MAX_LENGTH = 512;

/**
 * A relative path that a server names, where it is one that leads nowhere but down and that every file system can
 * hold; else null. Nothing is repaired: another name would be another file.
 */
export function safeName(name: unknown): string | null {
  if (typeof name !== 'string' || name.length > MAX_LENGTH) return null;
  const segments = name.split('/');
  const isSafe = (segment: string) =>
    segment !== '' && !segment.startsWith('.') && segment === segment.trim() && sanitize(segment) === segment;
  return segments.length <= MAX_DEPTH && segments.every(isSafe) ? name : null;
}

/** The path within a folder. @throws where it would lead outside: a defect, since names are checked before */
export function within(folder: string, name: string): string {
  const target = path.resolve(folder, name);
  if (target.startsWith(path.resolve(folder) + path.sep)) return target;
  throw new Error(`${name} leads outside of ${folder}`);
}
