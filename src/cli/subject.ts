import { existsSync } from 'node:fs';
import { MixgateError } from '../errors.ts';
import type { Catalog } from '../models/catalog.ts';
import { isSource } from '../models/pull/source.ts';

/** What a command is about: a model, and the quantization where a single file was given. */
export interface Subject {
  readonly model: string;
  readonly quantization: string | null;
}

const isFile = (name: string): boolean => name.toLowerCase().endsWith('.gguf') || existsSync(name);

/**
 * An id, a source, a GGUF file, or several files of one model; without any, the first model there is.
 * @throws MODEL_NOT_FOUND, VARIANT_NOT_AVAILABLE; INVALID_INPUT for files of different models
 */
export async function subjectOf(names: readonly string[], catalog: Catalog): Promise<Subject> {
  const [name, ...more] = names;
  if (name === undefined) return { model: firstModel(catalog), quantization: null };
  if (more.length === 0 && (isSource(name) || !isFile(name))) return { model: name, quantization: null };
  const stranger = names.find((each) => !isFile(each));
  if (stranger !== undefined)
    throw new MixgateError('INVALID_INPUT', `${stranger}: give one model id, or only GGUF files.`);
  const variants = [];
  for (const file of names) variants.push(await catalog.add(file));
  const models = [...new Set(variants.map(({ modelId }) => modelId))];
  if (models.length > 1)
    throw new MixgateError('INVALID_INPUT', `The files are of different models: ${models.join(', ')}.`);
  return { model: models[0]!, quantization: variants.length === 1 ? variants[0]!.quantization : null };
}

function firstModel(catalog: Catalog): string {
  const first = catalog.models()[0]?.id;
  if (first !== undefined) return first;
  throw new MixgateError('MODEL_NOT_FOUND', 'There are no models: give a GGUF file or --models-dir.');
}
