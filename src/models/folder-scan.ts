import { existsSync } from 'node:fs';
import path from 'node:path';
import pLimit from 'p-limit';
import { asMixgateError, MixgateError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { EntryReader } from './entry-reader.ts';
import { partNames } from './gguf-split.ts';
import { Rejections } from './rejections.ts';
import type { Entry } from './variant.ts';
import { findUnits, ggufUnits, mlcUnit, type WeightUnit } from './weight-units.ts';

export interface FolderScanOptions {
  readonly folders: () => readonly string[];
  /** Keeps what was read of headers for the next start. */
  readonly cacheFile: string | null;
  /** Of mixgate. */
  readonly version: string;
  readonly log: Log;
  /** The system's clock, milliseconds. */
  readonly now: () => number;
}

export interface Found {
  readonly entries: readonly Entry[];
  /** Some files were just written: they are to be looked at again. */
  readonly isUnsettled: boolean;
}

/** Headers read at once. */
const CONCURRENCY = 8;
/** After a change, files are looked at again when nothing was written for this long: who writes a file may pause. */
export const SETTLE_MS = 250;

/** What weights in folders say of themselves, and why some of them are not used. */
export class FolderScan {
  readonly rejections: Rejections;
  readonly #options: FolderScanOptions;
  readonly #reader: EntryReader;

  constructor(options: FolderScanOptions) {
    this.#options = options;
    this.#reader = new EntryReader(options.cacheFile, options.version);
    this.rejections = new Rejections(options.log);
  }

  /** Reads the folders. A broken file or a missing folder is rejected and left out; it never fails. */
  async scan(isWatching: boolean): Promise<Found> {
    this.rejections.begin(isWatching);
    const units = await this.#units();
    const limit = pLimit(CONCURRENCY);
    const settleMs = isWatching ? SETTLE_MS : 0;
    const read = await Promise.all(units.map((unit) => limit(() => this.#tryRead(unit, settleMs))));
    await this.#reader.keep(new Set(units.map((unit) => unit.path))).catch((error: unknown) => {
      this.#options.log.warn('catalog.cacheFailed', { reason: messageOf(error) });
    });
    return {
      entries: read.filter((entry) => entry !== null && entry !== 'unsettled'),
      isUnsettled: read.includes('unsettled'),
    };
  }

  /** One file (any of a split one's) or a folder of MLC weights, from anywhere. @throws VARIANT_NOT_AVAILABLE */
  async read(file: string): Promise<Entry> {
    const unit = await unitOf(path.resolve(file));
    const state = await this.#reader.state(unit).catch((error: unknown) => {
      const problem = `${file} cannot be read: ${messageOf(error)}.`;
      throw new MixgateError('VARIANT_NOT_AVAILABLE', problem, { path: unit.path });
    });
    const entry = await this.#reader.read(unit, state);
    this.rejections.forgive(unit.path);
    return entry;
  }

  async #units(): Promise<WeightUnit[]> {
    const found = await Promise.all(
      this.#options.folders().map((folder) =>
        findUnits(folder).catch((error: unknown) => {
          this.rejections.add(folder, folderProblem(folder, error), 'UNUSABLE');
          return [];
        }),
      ),
    );
    return [...new Map(found.flat().map((unit) => [unit.path, unit])).values()];
  }

  async #tryRead(unit: WeightUnit, settleMs: number): Promise<Entry | 'unsettled' | null> {
    try {
      const state = await this.#reader.state(unit);
      const age = this.#options.now() - state.changedAt;
      if (!this.#reader.isKnown(unit, state) && age >= 0 && age < settleMs) return 'unsettled';
      return await this.#reader.read(unit, state);
    } catch (error) {
      const { message, data } = asMixgateError(error);
      this.rejections.add(unit.path, message, data['isIncomplete'] === true ? 'INCOMPLETE' : 'UNUSABLE');
      return null;
    }
  }
}

function folderProblem(folder: string, error: unknown): string {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return isMissing ? `${folder} is not there: create it, or correct --models-dir.` : messageOf(error);
}

async function unitOf(file: string): Promise<WeightUnit> {
  if (!file.toLowerCase().endsWith('.gguf')) {
    const folder = path.basename(file).toLowerCase().endsWith('.json') ? path.dirname(file) : file;
    const unit = await mlcUnit(folder);
    if (unit.files.length > 0) return unit;
  }
  return ggufUnits(partNames(file).filter((part) => part === file || existsSync(part)))[0]!;
}
