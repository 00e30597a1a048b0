import { EngineError } from './engine.ts';
import { GGUF_CACHE } from './kept-weights.ts';

interface WeightFile {
  readonly url: string;
  readonly sizeBytes: number;
}

/**
 * GGUF files, from what this browser keeps where they are there: addresses change with the files. Kept ones are on the
 * disk and not in memory. @throws EngineError; the signal's reason
 */
export async function fetchGguf(
  files: readonly WeightFile[],
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Blob[]> {
  const total = Math.max(
    1,
    files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  let received = 0;
  const onBytes = (bytes: number) => {
    received += bytes;
    onProgress(Math.min(1, received / total));
  };
  const blobs: Blob[] = [];
  for (const file of files) blobs.push((await kept(file, onBytes)) ?? (await fetched(file, onBytes, signal)));
  const [first] = blobs;
  if (first === undefined || (await first.slice(0, 4).text()) !== 'GGUF')
    throw new EngineError('VARIANT_NOT_AVAILABLE', 'What the gateway sent is no GGUF file.');
  return blobs;
}

async function kept({ url, sizeBytes }: WeightFile, onBytes: (bytes: number) => void): Promise<Blob | null> {
  const cache = await openCache();
  const blob = await (await cache?.match(url))?.blob();
  if (blob === undefined) return null;
  if (blob.size === sizeBytes) {
    onBytes(sizeBytes);
    return blob;
  }
  await cache?.delete(url);
  return null;
}

async function fetched(
  { url, sizeBytes }: WeightFile,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null)
    throw new EngineError('VARIANT_NOT_AVAILABLE', `The gateway answers ${response.status} for the weights.`);
  const chunks: BlobPart[] = [];
  for await (const chunk of response.body) {
    chunks.push(chunk);
    onBytes(chunk.byteLength);
  }
  const blob = new Blob(chunks);
  if (blob.size !== sizeBytes)
    throw new EngineError(
      'INTEGRITY_MISMATCH',
      `The weights came with ${blob.size} of ${sizeBytes} bytes: try again.`,
    );
  const cache = await openCache();
  // Where there is no room they are fetched again the next time.
  await cache?.put(url, new Response(blob)).catch(() => undefined);
  return blob;
}

/** Null where the page is not secure. */
const openCache = async (): Promise<Cache | null> =>
  'caches' in globalThis ? caches.open(GGUF_CACHE).catch(() => null) : null;
