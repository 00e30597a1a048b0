import { readFileSync } from 'node:fs';
import type { VirtualPart } from '../../src/models/gguf-virtual-split.ts';
import { writeFile } from './gguf-writer.ts';

/** What a part is, byte for byte, put together without the code that serves it. */
export function partBytes({ segments }: VirtualPart): Buffer {
  const files = new Map<string, Buffer>();
  const whole = (file: string): Buffer => {
    if (!files.has(file)) files.set(file, readFileSync(file));
    return files.get(file)!;
  };
  return Buffer.concat(
    segments.map((each) => ('path' in each ? whole(each.path).subarray(each.start, each.end) : each)),
  );
}

/** Writes the parts under their names; gives their paths, in order. */
export const writeParts = (folder: string, parts: readonly VirtualPart[]): string[] =>
  parts.map((part) => writeFile(folder, part.name, partBytes(part)));
