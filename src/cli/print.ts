import { writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema as printGraphqlSchema } from 'graphql';
import { configReference } from '../config.ts';
import { createSchema } from '../resolvers/schema.ts';

interface OutOption {
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

function emit(text: string, { out }: OutOption): void {
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
}
