import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MixgateError, asMixgateError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Experts } from '../routing/weights.ts';
import { readGgufHeader } from './gguf.ts';
import { ggufFacts, type LocalVariant, type ModelIdentity } from './gguf-facts.ts';

export type { LocalVariant } from './gguf-facts.ts';

/** A model, whatever its quantization; its numbers are its largest variant's. */
export interface ModelFacts extends ModelIdentity {
  readonly parameters: number;
  readonly activeParameters: number;
  readonly experts: Experts | null;
  readonly layers: number;
  /** Tokens the model was trained for. */
  readonly contextLength: number;
  /** Smallest first. */
  readonly variants: readonly LocalVariant[];
}

export interface CatalogOptions {
  readonly directories: readonly string[];
  readonly log: Log;
}

type Entry = ReturnType<typeof ggufFacts>;

/** Headers read at once. */
const CONCURRENCY = 8;

/** The models on this machine, grouped by what their metadata says. */
export class Catalog {
  readonly #options: CatalogOptions;
  /** By variant id. */
  #entries = new Map<string, Entry>();
  /** Files from outside the folders, by variant id; a scan keeps them. */
  readonly #added = new Map<string, Entry>();
  /** By path; `stamp` is size and time of change. */
  readonly #headers = new Map<string, { stamp: string; entry: Entry }>();
  /** By path: why a file that looks like a model is not one. */
  readonly #rejected = new Map<string, string>();
  #models: readonly ModelFacts[] = [];

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /** Reads the folders. A broken file or a missing folder is logged and left out; it never fails. */
  async scan(): Promise<void> {
    const startedAt = performance.now();
    const found = await Promise.all(this.#options.directories.map((directory) => this.#filesOf(directory)));
    const files = [...new Set(found.flat())].sort();
    const kept = new Map(this.#added);
    this.#rejected.clear();
    for (let index = 0; index < files.length; index += CONCURRENCY) {
      const entries = await Promise.all(
        files.slice(index, index + CONCURRENCY).map((file) => this.#tryRead(file)),
      );
      for (const entry of entries) if (entry !== null) this.#keepFirst(kept, entry);
    }
    this.#entries = kept;
    this.#group();
    const ms = Math.round(performance.now() - startedAt);
    this.#options.log.info('catalog.scanned', {
      models: this.#models.length,
      variants: this.#entries.size,
      ms,
    });
  }

  /** Adds one file from anywhere; it replaces a variant of the same id. @throws VARIANT_NOT_AVAILABLE */
  async add(file: string): Promise<LocalVariant> {
    const entry = await this.#read(file);
    this.#added.set(entry.variant.id, entry);
    this.#entries.set(entry.variant.id, entry);
    this.#rejected.delete(entry.variant.path);
    this.#group();
    return entry.variant;
  }

  /** By id. */
  models(): readonly ModelFacts[] {
    return this.#models;
  }

  /** @throws MODEL_NOT_FOUND; VARIANT_NOT_AVAILABLE when the file of that name cannot be used */
  model(id: string): ModelFacts {
    const model = this.#models.find((candidate) => candidate.id === id.toLowerCase());
    if (model !== undefined) return model;
    const rejected = this.#rejectedNamed(id);
    if (rejected !== undefined)
      throw new MixgateError('VARIANT_NOT_AVAILABLE', rejected.reason, { path: rejected.file });
    const ids = this.#models.map((candidate) => candidate.id);
    const there = ids.length === 0 ? 'There are none yet' : `There are: ${ids.join(', ')}`;
    throw new MixgateError(
      'MODEL_NOT_FOUND',
      `There is no model ${id}. ${there}. Add a folder with --models-dir.`,
      {
        models: ids,
      },
    );
  }

  /** Of a model, all or those of one quantization; at least one. @throws MODEL_NOT_FOUND, VARIANT_NOT_AVAILABLE */
  variants(modelId: string, quantization: string | null): readonly LocalVariant[] {
    const { id, variants } = this.model(modelId);
    if (quantization === null) return variants;
    const wanted = quantization.toUpperCase();
    const found = variants.filter((variant) => variant.quantization.toUpperCase() === wanted);
    if (found.length > 0) return found;
    const quantizations = variants.map((variant) => variant.quantization);
    throw new MixgateError(
      'VARIANT_NOT_AVAILABLE',
      `${id} is not here as ${quantization}, only as ${quantizations.join(', ')}.`,
      { quantizations },
    );
  }

  /** @throws VARIANT_NOT_AVAILABLE */
  variant(variantId: string): LocalVariant {
    const entry = this.#entries.get(variantId);
    if (entry !== undefined) return entry.variant;
    throw new MixgateError('VARIANT_NOT_AVAILABLE', `${variantId} is not on this machine any more.`);
  }

  async #filesOf(directory: string): Promise<string[]> {
    try {
      const names = await readdir(directory, { recursive: true });
      return names
        .filter((name) => name.toLowerCase().endsWith('.gguf'))
        .sort()
        .map((name) => path.resolve(directory, name));
    } catch (error) {
      this.#options.log.warn('catalog.rejected', { path: directory, reason: messageOf(error) });
      return [];
    }
  }

  async #tryRead(file: string): Promise<Entry | null> {
    try {
      if (!(await stat(file)).isFile()) return null;
      return await this.#read(file);
    } catch (error) {
      this.#reject(file, asMixgateError(error).message);
      return null;
    }
  }

  async #read(file: string): Promise<Entry> {
    const key = path.resolve(file);
    const stats = await stat(file).catch(() => null);
    const stamp = `${stats?.size}:${stats?.mtimeMs}`;
    const known = this.#headers.get(key);
    if (stats !== null && known?.stamp === stamp) return known.entry;
    const entry = ggufFacts(await readGgufHeader(file), file);
    this.#headers.set(key, { stamp, entry });
    return entry;
  }

  /** The rejected file of that name, else one whose name starts so. */
  #rejectedNamed(id: string): { file: string; reason: string } | undefined {
    const wanted = id.toLowerCase().replace(/\.gguf$/, '');
    if (wanted === '') return undefined;
    const candidates = [...this.#rejected]
      .map(([file, reason]) => ({
        file,
        reason,
        name: path
          .basename(file)
          .toLowerCase()
          .replace(/\.gguf$/, ''),
      }))
      .filter(({ name }) => name.startsWith(wanted));
    return candidates.find(({ name }) => name === wanted) ?? candidates[0];
  }

  #keepFirst(kept: Map<string, Entry>, entry: Entry): void {
    const { id, path: file } = entry.variant;
    const before = kept.get(id)?.variant.path;
    if (before === undefined) kept.set(id, entry);
    else if (before !== file) this.#reject(file, `${file} is left out: ${before} is ${id} already.`);
  }

  #reject(file: string, reason: string): void {
    this.#rejected.set(file, reason);
    this.#options.log.warn('catalog.rejected', { path: file, reason });
  }

  #group(): void {
    const byModel = new Map<string, Entry[]>();
    for (const entry of this.#entries.values())
      byModel.set(entry.model.id, [...(byModel.get(entry.model.id) ?? []), entry]);
    this.#models = [...byModel.values()]
      .map((entries) => entries.toSorted((a, b) => a.variant.sizeBytes - b.variant.sizeBytes))
      .map((entries) => modelFacts(entries))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function modelFacts(entries: readonly Entry[]): ModelFacts {
  const { model, variant } = entries.at(-1)!;
  const { parameters, activeParameters, experts, layers, contextLength } = variant.weights;
  const variants = entries.map((entry) => entry.variant);
  return { ...model, parameters, activeParameters, experts, layers, contextLength, variants };
}
