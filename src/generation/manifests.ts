import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MixgateError, asMixgateError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Catalog } from '../models/catalog.ts';
import type { ModelSettings, ModelSettingsStore } from '../models/model-settings.ts';
import { readText, refuse, type Http } from '../models/pull/http.ts';
import type { PullView } from '../models/pull/pull.ts';
import type { Pulls } from '../models/pull/pulls.ts';
import type { ModelLoadRequest } from './request.ts';
import { loadRequestSchema, parseRequest } from './request.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type ManifestEntry } from './manifest.ts';

export interface ManifestsOptions {
  readonly catalog: Catalog;
  readonly pulls: Pulls;
  readonly settings: ModelSettingsStore;
  readonly http: Http;
  readonly load: (request: ModelLoadRequest) => Promise<unknown>;
  readonly log: Log;
}

/** Sets up the models that manifests list. */
export class Manifests {
  readonly #options: ManifestsOptions;
  /** By model: why it could not be pinned, as it was logged last. */
  readonly #failed = new Map<string, string>();

  constructor(options: ManifestsOptions) {
    this.#options = options;
  }

  /**
   * Reads a manifest (a file, or an https address), starts its pulls and sets up what is here already.
   * @throws INVALID_INPUT, NOT_FOUND, FORBIDDEN, SOURCE_UNAVAILABLE for the manifest; as `Pulls.start` for its sources, before any is started
   */
  async import(place: string): Promise<readonly PullView[]> {
    const { text, location, folder } = await this.#read(place);
    const manifest = parseManifest(text, location);
    const entries = manifest.models.map((entry) => ({ entry, source: sourceOf(entry, folder) }));
    for (const { source } of entries) if (source !== null) this.#options.pulls.check(source);
    await this.#options.settings.keepOnly(
      location,
      new Set(entries.map(({ entry, source }) => source ?? entry.id!)),
    );
    const pulls: PullView[] = [];
    for (const { entry, source } of entries) {
      const settings = settingsOf(entry, { manifest: location, entry: source ?? entry.id! });
      if (source !== null)
        pulls.push(
          (await this.#options.pulls.start(source, { sha256: entry.sha256 ?? null, settings })).view(),
        );
      else await this.#set(entry.id!, settings);
    }
    return pulls;
  }

  /** Loads what is pinned and here; what cannot be loaded is logged. */
  async loadPinned(): Promise<void> {
    const { settings, catalog, load, log } = this.#options;
    for (const [model, pin] of settings.pinned()) {
      if (!catalog.models().some(({ id }) => id === model)) continue;
      try {
        await load(parseRequest(loadRequestSchema, { model, ...pin, pinned: true }));
      } catch (error) {
        const reason = asMixgateError(error).message;
        if (this.#failed.get(model) !== reason) log.error('model.pinFailed', { model, reason });
        this.#failed.set(model, reason);
      }
    }
  }

  async #set(id: string, settings: ModelSettings): Promise<void> {
    const model = this.#options.catalog.model(id);
    await this.#options.settings.set([model.id], settings);
  }

  async #read(place: string): Promise<{ text: string; location: string; folder: string | null }> {
    if (/^https?:/i.test(place)) return { ...(await this.#fetch(place)), folder: null };
    const file = /^file:\/\//i.test(place)
      ? fileURLToPath(place)
      : path.resolve(place.replace(/^file:/i, ''));
    try {
      if ((await stat(file)).size > MAX_MANIFEST_BYTES)
        throw new Error(`it is longer than ${MAX_MANIFEST_BYTES} bytes`);
      return { text: await readFile(file, 'utf8'), location: file, folder: path.dirname(file) };
    } catch (error) {
      throw new MixgateError('NOT_FOUND', `The manifest ${file} cannot be read: ${messageOf(error)}.`);
    }
  }

  async #fetch(place: string): Promise<{ text: string; location: string }> {
    if (!URL.canParse(place)) throw new MixgateError('INVALID_INPUT', `${place} is no URL.`);
    const url = new URL(place);
    const response = await this.#options.http.get(url, {}, AbortSignal.timeout(60_000));
    if (response.status !== 200) {
      response.body.destroy();
      refuse(url, response.status);
    }
    return {
      text: await readText(response, url, MAX_MANIFEST_BYTES),
      location: `${url.origin}${url.pathname}`,
    };
  }
}

/** A relative file is meant from where the manifest is; a manifest from elsewhere may not name files here. */
function sourceOf({ source }: ManifestEntry, folder: string | null): string | null {
  if (source === undefined) return null;
  if (!/^file:/i.test(source)) return source;
  if (folder === null)
    throw new MixgateError(
      'FORBIDDEN',
      `${source}: a manifest from another machine cannot name files of this one.`,
    );
  return /^file:\/\//i.test(source) ? source : `file:${path.resolve(folder, source.slice('file:'.length))}`;
}

function settingsOf(
  { sampling, chatTemplate, pin }: ManifestEntry,
  place: Pick<ModelSettings, 'manifest' | 'entry'>,
): ModelSettings {
  return {
    ...place,
    sampling:
      sampling === undefined
        ? null
        : (Object.fromEntries(Object.entries(sampling)) as Record<string, number>),
    chatTemplate: chatTemplate ?? null,
    pin: pin === undefined || pin === false ? null : pin === true ? {} : pin,
  };
}
