import path from 'node:path';
import { MixgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Elsewhere, type Availability } from './elsewhere.ts';
import { FolderScan, SETTLE_MS } from './folder-scan.ts';
import { watchFolders, type WatchMode } from './folder-watch.ts';
import { grouped, modelFacts, named, variantsOf, type ModelFacts } from './grouping.ts';
import { COMPLAIN_MS } from './rejections.ts';
import { removeFiles } from './removal.ts';
import type { Entry, KnownVariant, LocalVariant } from './variant.ts';

export type { Availability } from './elsewhere.ts';
export { variantsOf, type ModelFacts } from './grouping.ts';
export type { KnownVariant, LocalVariant } from './variant.ts';

export interface CatalogOptions {
  /** Of two files that are the same variant, the one in the folder that comes first is used. */
  readonly directories: readonly string[];
  /** Models that come with mixgate: searched last, and never removed. */
  readonly embedded?: string;
  /** Keeps what was read of headers for the next start. */
  readonly cacheFile?: string;
  /** Of mixgate. */
  readonly version?: string;
  readonly log: Log;
  /** The system's clock, milliseconds. */
  readonly now?: () => number;
}

/** The models on this machine, grouped by what their metadata says. */
export class Catalog {
  readonly elsewhere = new Elsewhere();
  readonly #options: CatalogOptions;
  #directories: readonly string[];
  readonly #folders: FolderScan;
  /** By variant id. */
  #entries = new Map<string, Entry>();
  /** What was here and is not any more: residents and generations may still be of it. */
  readonly #retired = new Map<string, Entry<KnownVariant>>();
  /** What the last scan found. */
  #found: readonly Entry[] = [];
  /** Files from outside the folders, by path; a scan keeps them. */
  readonly #added = new Map<string, Entry>();
  #models: readonly ModelFacts[] = [];
  #scanning: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;
  #endWatching: () => Promise<void> = async () => undefined;

  constructor(options: CatalogOptions) {
    this.#options = options;
    const { directories, cacheFile = null, version = '', log, now = Date.now } = options;
    this.#directories = directories;
    this.#folders = new FolderScan({ folders: () => this.#watched, cacheFile, version, log, now });
  }

  /** Reads the folders. A broken file or a missing folder is logged and left out; it never fails. */
  scan(): Promise<void> {
    return this.#inTurn(async () => void (await this.#scan(false)));
  }

  /** From now on what comes and goes in the folders is noticed, in this way instead of any before. */
  async watch(mode: WatchMode): Promise<void> {
    await this.#endWatching();
    const onChange = () => this.#scanSoon();
    this.#endWatching = await watchFolders(this.#watched, mode, { onChange, log: this.#options.log });
  }

  /** From now on these folders, instead of those before: what is only in others is gone. `watch` again to watch them. */
  async useDirectories(directories: readonly string[]): Promise<void> {
    this.#directories = directories;
    await this.scan();
  }

  /** Watches no more. */
  async close(): Promise<void> {
    await this.#endWatching();
    clearTimeout(this.#timer);
    clearTimeout(this.#later);
    await this.#scanning;
  }

  /** Adds one file from anywhere (any of a split one's), or a folder of MLC weights. @throws VARIANT_NOT_AVAILABLE */
  async add(file: string): Promise<LocalVariant> {
    const entry = await this.#folders.read(file);
    const { path: place } = entry.variant;
    this.#added.delete(place);
    this.#added.set(place, entry);
    this.#use();
    return this.variantOf(entry.variant.files[0]!.path)!;
  }

  /** By id. */
  models(): readonly ModelFacts[] {
    return this.#models;
  }

  /** By id, with variants that are elsewhere too, where asked for. A variant that is here is not listed as elsewhere. */
  modelsBy(availabilities: readonly Availability[]): readonly ModelFacts<KnownVariant>[] {
    const here = availabilities.includes('LOCAL') ? [...this.#entries.values()] : [];
    const elsewhere = this.elsewhere
      .entries(availabilities)
      .filter(({ variant }) => !this.#entries.has(variant.id));
    const unique = new Map([...elsewhere, ...here].map((entry) => [entry.variant.id, entry]));
    return grouped<KnownVariant>(unique.values());
  }

  availability(variantId: string): Availability {
    if (this.#entries.has(variantId)) return 'LOCAL';
    return this.elsewhere.isPulling(variantId) ? 'PULLING' : 'REMOTE';
  }

  /** @throws MODEL_NOT_FOUND; VARIANT_NOT_AVAILABLE when the file of that name cannot be used */
  model(id: string): ModelFacts {
    const model = this.#models.find((candidate) => candidate.id === id.toLowerCase());
    if (model !== undefined) return model;
    const rejected = this.#folders.rejections.named(id);
    if (rejected !== undefined)
      throw new MixgateError('VARIANT_NOT_AVAILABLE', rejected.reason, { path: rejected.file });
    throw this.#notFound(id);
  }

  /** Of a model, all or those of one quantization; at least one. @throws MODEL_NOT_FOUND, VARIANT_NOT_AVAILABLE */
  variants(modelId: string, quantization: string | null): readonly LocalVariant[] {
    return variantsOf(this.model(modelId), quantization);
  }

  /** @throws VARIANT_NOT_AVAILABLE */
  variant(variantId: string): LocalVariant {
    const entry = this.#entries.get(variantId);
    if (entry !== undefined) return entry.variant;
    const was = this.#find(variantId) === undefined ? '' : ' any more';
    throw new MixgateError('VARIANT_NOT_AVAILABLE', `${variantId} is not on this machine${was}.`);
  }

  /** Also of a variant that was here once, or is elsewhere. @throws VARIANT_NOT_AVAILABLE for one nobody has heard of */
  known(variantId: string): KnownVariant {
    return this.#known(variantId).variant;
  }

  /** A variant and its model, as `known` knows them. */
  findEntry(variantId: string): Entry<KnownVariant> | null {
    return this.#find(variantId) ?? null;
  }

  /** A variant that was here before this start. */
  remember(entry: Entry<KnownVariant>): void {
    const { id } = entry.variant;
    if (this.#find(id) === undefined) this.#retired.set(id, entry);
  }

  findKnown(variantId: string): KnownVariant | null {
    return this.#find(variantId)?.variant ?? null;
  }

  /** The model of such a variant. @throws as `known` */
  modelOf(variantId: string): ModelFacts<KnownVariant> {
    const entry = this.#known(variantId);
    return this.#models.find(({ id }) => id === entry.model.id) ?? modelFacts([entry]);
  }

  /** The variant that begins at a path. @throws VARIANT_NOT_AVAILABLE where none does any more */
  variantAt(place: string): LocalVariant {
    const found = [...this.#entries.values()].find(({ variant }) => variant.path === place);
    if (found !== undefined) return found.variant;
    throw new MixgateError('VARIANT_NOT_AVAILABLE', `${place} is not there any more.`);
  }

  /** The variant that a file is of, if any. */
  variantOf(file: string): LocalVariant | null {
    const entries = [...this.#entries.values()];
    return entries.find(({ variant }) => variant.files.some((each) => each.path === file))?.variant ?? null;
  }

  /** @throws VARIANT_NOT_AVAILABLE; FORBIDDEN for what comes with mixgate */
  checkRemovable(variantId: string): void {
    if (this.#isEmbedded(this.variant(variantId).path))
      throw new MixgateError('FORBIDDEN', `${variantId} comes with mixgate and cannot be removed.`);
  }

  /** False for what comes with mixgate, and for what is not here. */
  isRemovable(variantId: string): boolean {
    const entry = this.#entries.get(variantId);
    return entry !== undefined && !this.#isEmbedded(entry.variant.path);
  }

  /** Deletes a variant's files, every copy of them, and tells how many bytes came back. @throws VARIANT_NOT_AVAILABLE, FORBIDDEN, what deleting throws */
  async remove(variantId: string): Promise<number> {
    this.checkRemovable(variantId);
    let bytes = 0;
    // Another folder may have it too: then that one would be used instead.
    do {
      const variant = this.variant(variantId);
      bytes += await removeFiles(variant, this.#directories);
      this.#added.delete(variant.path);
      await this.scan();
    } while (this.isRemovable(variantId));
    return bytes;
  }

  get #watched(): readonly string[] {
    const { embedded } = this.#options;
    return embedded === undefined ? this.#directories : [...this.#directories, embedded];
  }

  #isEmbedded(file: string): boolean {
    const { embedded } = this.#options;
    return embedded !== undefined && file.startsWith(path.resolve(embedded) + path.sep);
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#scanning.then(run);
    this.#scanning = turn.catch(() => undefined);
    return turn;
  }

  #scanSoon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#inTurn(async () => {
        if (await this.#scan(true)) this.#scanSoon();
      });
    }, SETTLE_MS);
  }

  /** What is incomplete may be complete then, or is worth a complaint. */
  #scanLater(): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.#scanSoon(), COMPLAIN_MS + SETTLE_MS);
    this.#later.unref();
  }

  /** True where files have just been written and are to be looked at again. */
  async #scan(isWatching: boolean): Promise<boolean> {
    const startedAt = performance.now();
    const { entries, isUnsettled } = await this.#folders.scan(isWatching);
    const before = this.#entries;
    this.#found = entries;
    this.#use();
    const isWaiting = this.#folders.rejections.end();
    const isChanged =
      before.size !== this.#entries.size || [...before.keys()].some((id) => !this.#entries.has(id));
    const figures = { models: this.#models.length, variants: this.#entries.size };
    const ms = Math.round(performance.now() - startedAt);
    if (isChanged || !isWatching) this.#options.log.info('catalog.scanned', { ...figures, ms });
    if (isWaiting && isWatching) this.#scanLater();
    return isUnsettled;
  }

  /** Of several entries of one variant the first counts; those that were added come before all. */
  #use(): void {
    const entries = new Map<string, Entry>();
    const paths = new Set<string>();
    for (const entry of named([...[...this.#added.values()].reverse(), ...this.#found])) {
      const { id, path: file } = entry.variant;
      if (paths.has(file)) continue;
      paths.add(file);
      const before = entries.get(id)?.variant.path;
      if (before === undefined) entries.set(id, entry);
      else if (!this.#added.has(before) && !this.#isEmbedded(file))
        this.#folders.rejections.add(file, `${file} is left out: ${before} is ${id} already.`, 'DUPLICATE');
    }
    for (const [id, entry] of this.#entries) if (!entries.has(id)) this.#retired.set(id, entry);
    for (const id of entries.keys()) this.#retired.delete(id);
    this.#entries = entries;
    this.#models = grouped(entries.values());
  }

  #find(variantId: string): Entry<KnownVariant> | undefined {
    const here = this.#entries.get(variantId) ?? this.#retired.get(variantId);
    return here ?? this.elsewhere.find(variantId);
  }

  #known(variantId: string): Entry<KnownVariant> {
    const entry = this.#find(variantId);
    if (entry !== undefined) return entry;
    throw new MixgateError('VARIANT_NOT_AVAILABLE', `Nothing is known of a variant ${variantId}.`);
  }

  #notFound(id: string): MixgateError {
    const ids = this.#models.map((candidate) => candidate.id);
    const alike = ids.filter((candidate) => candidate.startsWith(`${id.toLowerCase()}-`));
    const there = ids.length === 0 ? 'There are none yet' : `There are: ${ids.join(', ')}`;
    const which = alike.length === 0 ? '' : ` Several are called so: say ${alike.join(' or ')}.`;
    return new MixgateError(
      'MODEL_NOT_FOUND',
      `There is no model ${id}.${which} ${there}. Add a folder with --models-dir, or pull one.`,
      { models: ids },
    );
  }
}
