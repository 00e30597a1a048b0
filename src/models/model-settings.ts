import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { MixgateError, messageOf } from '../errors.ts';

/** What a manifest says of a model beyond its weights. */
export const modelSettingsSchema = z.object({
  /** The manifest that says so. */
  manifest: z.string(),
  /** Its entry: a source, or a model's id. */
  entry: z.string(),
  /** Where a request leaves sampling out. */
  sampling: z.record(z.string(), z.number()).nullable(),
  /** Jinja, instead of the one that the weights carry. */
  chatTemplate: z.string().nullable(),
  /** Kept loaded so, and never evicted; null: loaded when it is needed. */
  pin: z
    .object({
      quantization: z.string().optional(),
      device: z.string().optional(),
      gpuLayers: z.number().optional(),
      contextSize: z.number().optional(),
      slots: z.number().optional(),
    })
    .nullable(),
});
export type ModelSettings = Readonly<z.output<typeof modelSettingsSchema>>;

/** Settings by model id, in one file of the data folder. */
export class ModelSettingsStore {
  readonly #file: string;
  #byModel: ReadonlyMap<string, ModelSettings>;
  /** Called when settings have changed. */
  onChange: () => void = () => undefined;

  constructor(file: string) {
    this.#file = file;
    this.#byModel = read(file);
  }

  get(modelId: string): ModelSettings | null {
    return this.#byModel.get(modelId.toLowerCase()) ?? null;
  }

  /** Defaults of sampling, or null. */
  readonly sampling = (modelId: string): Readonly<Record<string, number>> | null =>
    this.get(modelId)?.sampling ?? null;

  /** Models that are kept loaded. */
  pinned(): readonly (readonly [modelId: string, pin: NonNullable<ModelSettings['pin']>])[] {
    return [...this.#byModel].flatMap(([id, { pin }]) => (pin === null ? [] : [[id, pin] as const]));
  }

  /** Settings that say nothing take away what the same entry said before, and nobody else's. @throws what writing throws */
  async set(modelIds: readonly string[], settings: ModelSettings): Promise<void> {
    const byModel = new Map(this.#byModel);
    for (const id of modelIds.map((each) => each.toLowerCase()))
      if (!saysNothing(settings)) byModel.set(id, settings);
      else if (isSameEntry(byModel.get(id), settings)) byModel.delete(id);
    await this.#write(byModel);
  }

  /** Takes away what a manifest said that has other entries now. @throws what writing throws */
  async keepOnly(manifest: string, entries: ReadonlySet<string>): Promise<void> {
    const kept = [...this.#byModel].filter(
      ([, each]) => each.manifest !== manifest || entries.has(each.entry),
    );
    if (kept.length < this.#byModel.size) await this.#write(new Map(kept));
  }

  async #write(byModel: ReadonlyMap<string, ModelSettings>): Promise<void> {
    this.#byModel = byModel;
    await mkdir(path.dirname(this.#file), { recursive: true });
    await writeFileAtomic(this.#file, `${JSON.stringify(Object.fromEntries(this.#byModel), null, 2)}\n`);
    this.onChange();
  }
}

const isSameEntry = (before: ModelSettings | undefined, { manifest, entry }: ModelSettings): boolean =>
  before?.manifest === manifest && before.entry === entry;

const saysNothing = ({ sampling, chatTemplate, pin }: ModelSettings): boolean =>
  sampling === null && chatTemplate === null && pin === null;

/** @throws INVALID_INPUT where the file is damaged: settings that silently go missing would change answers */
function read(file: string): ReadonlyMap<string, ModelSettings> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return new Map(); // Nothing was ever set.
  }
  try {
    return new Map(Object.entries(z.record(z.string(), modelSettingsSchema).parse(JSON.parse(text))));
  } catch (error) {
    throw new MixgateError('INVALID_INPUT', `${file} is damaged: mend or delete it. ${messageOf(error)}`, {
      path: file,
    });
  }
}
