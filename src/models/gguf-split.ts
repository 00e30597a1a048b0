import { MixgateError } from '../errors.ts';
import type { GgufHeader } from './gguf.ts';

/** A file that its name says to be one of several, as llama.cpp's gguf-split names them. */
export interface SplitName {
  /** Without number and ending. */
  readonly base: string;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
}

const SPLIT = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/is;
export const MAX_PARTS = 1000;

/** Null for a file that is by itself. */
export function splitName(file: string): SplitName | null {
  const [, base, part, parts] = SPLIT.exec(file) ?? [];
  const name = { base: base ?? '', part: Number(part), parts: Number(parts) };
  const isSound = name.part >= 1 && name.part <= name.parts && name.parts <= MAX_PARTS;
  return base !== undefined && isSound ? name : null;
}

/** `foo-00001-of-00003.gguf` → `foo.gguf`. */
export const withoutSplit = (file: string): string => file.replace(SPLIT, '$1$4');

/** `foo.gguf`, 2, 3 → `foo-00002-of-00003.gguf`; `part` from 1. */
export function partName(whole: string, part: number, parts: number): string {
  const number = (count: number) => String(count).padStart(5, '0');
  return `${whole.replace(/\.gguf$/i, '')}-${number(part)}-of-${number(parts)}.gguf`;
}

/** The name of each part, in order, from the name of any of them. */
export function partNames(file: string): readonly string[] {
  const name = splitName(file);
  if (name === null) return [file];
  const number = (count: number) => String(count).padStart(5, '0');
  return Array.from({ length: name.parts }, (_, index) =>
    file.replace(SPLIT, `$1-${number(index + 1)}-of-${number(name.parts)}$4`),
  );
}

/**
 * Checks that the headers, in order, are the parts of one model and that none is missing.
 * @throws VARIANT_NOT_AVAILABLE
 */
export function checkParts(headers: readonly GgufHeader[], file: string): void {
  const fail = (problem: string): never => {
    throw new MixgateError('VARIANT_NOT_AVAILABLE', `${file} ${problem}`, { path: file });
  };
  const number = (header: GgufHeader, key: string) => Number(header.metadata.get(`split.${key}`) ?? 0);
  const [first] = headers;
  const parts = first === undefined ? 0 : number(first, 'count');
  if (headers.length === 1 && parts <= 1) return;
  if (headers.length === 1)
    fail(
      `is one of ${parts} parts but is not named so: llama.cpp finds the others only by names such as model-00001-of-${String(parts).padStart(5, '0')}.gguf.`,
    );
  headers.forEach((header, index) => {
    if (number(header, 'count') !== headers.length || number(header, 'no') !== index)
      fail(`has a part ${index + 1} of ${headers.length} that says it is another. Download it again.`);
  });
  const tensors = headers.reduce((sum, header) => sum + header.tensors.length, 0);
  const claimed = number(first!, 'tensors.count');
  if (claimed !== 0 && claimed !== tensors)
    fail(`has ${tensors} of ${claimed} tensors in its ${headers.length} parts. Download it again.`);
}
