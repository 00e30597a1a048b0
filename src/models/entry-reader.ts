import { readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { MixgateError } from '../errors.ts';
import { ggufFacts } from './gguf-facts.ts';
import { checkParts, splitName } from './gguf-split.ts';
import { readGgufHeader } from './gguf.ts';
import { mlcFacts } from './mlc-facts.ts';
import type { Entry } from './variant.ts';
import type { WeightUnit } from './weight-units.ts';

/** Raised when facts change that are in the cache file. */
const FORMAT = 2;

interface Known {
  /** Sizes and times of change of all files. */
  readonly stamp: string;
  readonly entry: Entry;
}

/** A unit's files as they are now. */
export interface UnitState {
  readonly stamp: string;
  /** When the newest file was changed, milliseconds of the system's clock. */
  readonly changedAt: number;
}

/** Reads what weights say of themselves, and reads nothing twice that has not changed: a header is megabytes. */
export class EntryReader {
  readonly #cacheFile: string | null;
  readonly #version: string;
  /** By the unit's path. */
  #known: Map<string, Known>;
  #isSaved = true;

  /** `cacheFile` keeps what was read for the next start; what it holds of another version is not used. */
  constructor(cacheFile: string | null, version: string) {
    this.#cacheFile = cacheFile;
    this.#version = `${version}/${FORMAT}`;
    this.#known = cacheFile === null ? new Map<string, Known>() : readCache(cacheFile, this.#version);
  }

  /** @throws where a file is gone */
  async state({ files }: WeightUnit): Promise<UnitState> {
    const stats = await Promise.all(files.map((file) => stat(file)));
    return {
      stamp: stats.map(({ size, mtimeMs }) => `${size}:${mtimeMs}`).join(),
      changedAt: Math.max(...stats.map(({ mtimeMs }) => mtimeMs)),
    };
  }

  isKnown({ path: unit }: WeightUnit, { stamp }: UnitState): boolean {
    return this.#known.get(unit)?.stamp === stamp;
  }

  /** @throws VARIANT_NOT_AVAILABLE; `isIncomplete` in its data where the rest may still come */
  async read(unit: WeightUnit, state: UnitState, signal?: AbortSignal): Promise<Entry> {
    const known = this.#known.get(unit.path);
    if (known?.stamp === state.stamp) return known.entry;
    const entry = unit.format === 'MLC' ? await mlcFacts(unit) : await readGguf(unit, signal);
    this.#known.set(unit.path, { stamp: state.stamp, entry });
    this.#isSaved = false;
    return entry;
  }

  /** Forgets every unit but these, and writes the cache file where something has changed. @throws what writing throws */
  async keep(paths: ReadonlySet<string>): Promise<void> {
    const before = this.#known.size;
    this.#known = new Map([...this.#known].filter(([unit]) => paths.has(unit)));
    if (this.#cacheFile === null || (this.#isSaved && this.#known.size === before)) return;
    this.#isSaved = true;
    const content = { version: this.#version, units: Object.fromEntries(this.#known) };
    await mkdir(path.dirname(this.#cacheFile), { recursive: true });
    await writeFileAtomic(this.#cacheFile, JSON.stringify(content));
  }
}

async function readGguf({ path: first, files, missing }: WeightUnit, signal?: AbortSignal): Promise<Entry> {
  if (missing.length > 0)
    throw new MixgateError(
      'VARIANT_NOT_AVAILABLE',
      `${first} lacks ${missing.length === 1 ? 'part' : 'parts'} ${missing.join(', ')} of ${splitName(first)?.parts ?? 1}. Download the rest.`,
      { path: first, missing, isIncomplete: true },
    );
  const headers = await Promise.all(files.map((file) => readGgufHeader(file, signal)));
  checkParts(headers, first);
  const [header, ...rest] = headers;
  return ggufFacts(
    header!,
    first,
    rest.map((part, index) => ({ header: part, path: files[index + 1]! })),
  );
}

function readCache(file: string, version: string): Map<string, Known> {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as {
      version: string;
      units: Record<string, Known>;
    };
    return content.version === version ? new Map(Object.entries(content.units)) : new Map<string, Known>();
  } catch {
    return new Map<string, Known>(); // Not there yet, or damaged: then everything is read once more.
  }
}
