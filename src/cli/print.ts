import { readFileSync, writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema as printGraphqlSchema } from 'graphql';
import { configReference } from '../config-reference.ts';
import { MixgateError, messageOf } from '../errors.ts';
import { manifestJsonSchema, parseManifest } from '../generation/manifest.ts';
import { createSchema } from '../resolvers/schema.ts';

export interface OutOption {
  readonly out?: string;
}

/** `mixgate schema`: the SDL, sorted, so that a diff shows what changed. */
export async function printSchema(options: OutOption): Promise<void> {
  emit(`${printGraphqlSchema(lexicographicSortSchema(await createSchema()))}\n`, options);
}

/** `mixgate config`. */
export function printConfigReference(options: OutOption): void {
  emit(configReference(), options);
}

/** `mixgate manifest [FILE]`. @throws INVALID_INPUT with every problem of the file */
export function printManifestSchema(file: string | undefined, options: OutOption): void {
  if (file === undefined) return emit(manifestJsonSchema(), options);
  const { models } = parseManifest(readManifest(file), file);
  process.stdout.write(`${file}: ${models.length} models, no mistakes.\n`);
}

function readManifest(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new MixgateError('INVALID_INPUT', `${file} cannot be read: ${messageOf(error)}`);
  }
}

function emit(text: string, { out }: OutOption): void {
  if (out === undefined) process.stdout.write(text);
  else
    try {
      writeFileSync(out, text);
    } catch (error) {
      throw new MixgateError('INVALID_INPUT', `${out} cannot be written: ${messageOf(error)}`);
    }
}
