import { MixgateError } from '../../errors.ts';
import { ggufFacts } from '../gguf-facts.ts';
import { checkParts } from '../gguf-split.ts';
import { readGgufHeaderFrom, type GgufHeader } from '../gguf.ts';
import { MLC_TABLES, mlcConfigSchema, mlcEntry, mlcTableSchema, parseMlcJson } from '../mlc-facts.ts';
import type { Entry, KnownVariant } from '../variant.ts';
import { MLC_CONFIG } from '../weight-units.ts';
import type { OfferedVariant } from './offer.ts';
import { NoRanges, remoteBytes, type Patience } from './remote-bytes.ts';
import type { RemoteFile } from './remote-file.ts';

const MAX_JSON_BYTES = 64 * 2 ** 20;

interface Reading {
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/**
 * What a variant's headers say, read at its source: how much it would take is known before it is downloaded.
 * Null where the server only sends whole files, or does not say how long they are.
 * @throws VARIANT_NOT_AVAILABLE, INTEGRITY_MISMATCH, and what opening throws
 */
export async function remoteFacts(
  { format, files }: OfferedVariant,
  folder: string,
  reading: Reading,
): Promise<Entry<KnownVariant> | null> {
  try {
    return format === 'MLC' ? await mlcRemote(files, folder, reading) : await ggufRemote(files, reading);
  } catch (error) {
    if (error instanceof NoRanges || (error instanceof MixgateError && error.cause instanceof NoRanges))
      return null;
    throw error;
  }
}

async function ggufRemote(
  files: readonly RemoteFile[],
  { patience, signal }: Reading,
): Promise<Entry<KnownVariant> | null> {
  const headers: GgufHeader[] = [];
  for (const file of files) {
    const sizeBytes = file.sizeBytes ?? (await sizeOf(file, signal));
    if (sizeBytes === null) return null;
    headers.push(await readGgufHeaderFrom(remoteBytes(file, sizeBytes, patience), file.name, signal));
  }
  const [first, ...rest] = headers;
  checkParts(headers, files[0]!.name);
  const { model, variant } = ggufFacts(
    first!,
    files[0]!.name,
    rest.map((header, index) => ({ header, path: files[index + 1]!.name })),
  );
  return { model, variant };
}

/** Null where ranges are not served, since then a header cannot be read without the rest. */
async function sizeOf(file: RemoteFile, signal: AbortSignal): Promise<number | null> {
  const { body, sizeBytes, acceptsRanges } = await file.open({ start: 0, end: 1 }, null, signal);
  body.destroy();
  return acceptsRanges ? sizeBytes : null;
}

async function mlcRemote(files: readonly RemoteFile[], folder: string, { patience, signal }: Reading) {
  const read = async (names: readonly string[]) => {
    const file = files.find(({ name }) => names.includes(name))!;
    const sizeBytes = file.sizeBytes ?? 0;
    if (sizeBytes > MAX_JSON_BYTES)
      throw new MixgateError('VARIANT_NOT_AVAILABLE', `${file.name} is longer than ${MAX_JSON_BYTES} bytes.`);
    const bytes = await remoteBytes(file, sizeBytes, patience).read(0, sizeBytes, signal);
    return { text: bytes.toString('utf8'), name: file.name };
  };
  const config = await read([MLC_CONFIG]);
  const table = await read(MLC_TABLES);
  const library = files.find(({ name }) => name.endsWith('.wasm'));
  return mlcEntry(
    folder.split('/').at(-1)!,
    parseMlcJson(config.text, config.name, mlcConfigSchema),
    parseMlcJson(table.text, table.name, mlcTableSchema),
    {
      library: library === undefined ? null : { name: library.name, interface: null, problem: null },
      chatTemplate: null,
    },
  );
}
