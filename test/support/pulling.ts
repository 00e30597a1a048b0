import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestGateway } from './gateway.ts';

export const HUB_MODEL = 'tiny-mixtral-8x2m-instruct-hub';

/** A demo model's file under another name, so that it is told from the embedded one. */
export function hubModel(quantization: string): Buffer {
  const file = path.resolve(import.meta.dirname, `../../models/demo/tiny-mixtral-8x2M.${quantization}.gguf`);
  const bytes = Buffer.from(readFileSync(file));
  bytes.write('(hub!)', bytes.indexOf('(demo)'));
  return bytes;
}

/** All fields any test asks for. */
export interface TestPull {
  readonly id: string;
  readonly source: string;
  readonly state: string;
  readonly receivedBytes: number;
  readonly totalBytes: number | null;
  readonly verifiedBytes: number;
  readonly bytesPerSecond: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean } | null;
  readonly reasons: readonly string[];
  readonly files: readonly { readonly name: string }[];
  readonly variants: readonly { readonly id: string; readonly availability: string }[];
  readonly model: { readonly id: string; readonly variants: readonly { readonly id: string }[] } | null;
}

export const PULL_FIELDS = `id source state receivedBytes totalBytes verifiedBytes bytesPerSecond reasons
  error { code message retryable } files { name } variants { id availability } model { id variants { id } }`;

export async function startPull(gateway: TestGateway, source: string, sha256?: string): Promise<TestPull> {
  const { data, errors } = await gateway.query<{ startModelPull: TestPull }>(
    `mutation ($source: String!, $sha256: String) { startModelPull(source: $source, sha256: $sha256) { ${PULL_FIELDS} } }`,
    { source, sha256 },
  );
  if (errors !== undefined) throw Object.assign(new Error(errors[0]!.message), errors[0]!.extensions);
  return data.startModelPull;
}

/** Every event of a pull until it ends. */
export async function followPull(gateway: TestGateway, id: string): Promise<TestPull[]> {
  const query = `subscription ($id: ID!) { modelPullEvents(id: $id) { ${PULL_FIELDS} } }`;
  const events = (await gateway.subscribe<'modelPullEvents'>(query, { id })) as unknown as {
    modelPullEvents: TestPull;
  }[];
  return events.map(({ modelPullEvents }) => modelPullEvents);
}

/** Starts one and resolves with its last state. */
export async function pulled(gateway: TestGateway, source: string, sha256?: string): Promise<TestPull> {
  const { id } = await startPull(gateway, source, sha256);
  return (await followPull(gateway, id)).at(-1)!;
}

export async function pullOf(gateway: TestGateway, id: string): Promise<TestPull | null> {
  const query = `query ($id: ID!) { modelPull(id: $id) { ${PULL_FIELDS} } }`;
  return (await gateway.query<{ modelPull: TestPull | null }>(query, { id })).data.modelPull;
}

/** Ids of the variants that are here. */
export async function variantIds(gateway: TestGateway): Promise<string[]> {
  const { data } = await gateway.query<{ models: { variants: { id: string }[] }[] }>(
    '{ models { variants { id } } }',
  );
  return data.models.flatMap(({ variants }) => variants.map(({ id }) => id));
}

export const ofHub = (ids: readonly string[]): string[] => ids.filter((id) => id.startsWith(HUB_MODEL));
