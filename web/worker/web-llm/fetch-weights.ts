import { EngineError } from '../engine.ts';
import type { WeightFile } from './messages.ts';

/** web-llm's own names of its caches. */
const CONFIG = 'webllm/config';
const LIBRARY = 'webllm/wasm';
const WEIGHTS = 'webllm/model';

/** As many as web-llm itself asks for at once. */
const AT_ONCE = 4;

/** What web-llm asks for, in its order; whatever else lies in the folder it does not. */
const NEEDED =
  /\/(mlc-chat-config\.json|[^/]+\.wasm|tokenizer\.(?:json|model)|(?:tensor|ndarray)-cache\.json|params_shard_\d+\.bin)$/;

/**
 * Puts the files where web-llm looks first, each only when its bytes are those that the gateway promised: web-llm
 * itself checks no shard. What is there already was checked when it came.
 * @throws EngineError
 */
export async function fetchWeights(
  files: readonly WeightFile[],
  onProgress: (fraction: number) => void,
): Promise<void> {
  const needed = files.filter(({ url }) => NEEDED.test(url));
  const total = Math.max(
    1,
    needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  let done = 0;
  const fetchOne = async (file: WeightFile): Promise<void> => {
    await fetchFile(file);
    done += file.sizeBytes;
    onProgress(done / total);
  };
  const isShard = ({ url }: WeightFile) => /\/params_shard_\d+\.bin$/.test(url);
  // First what is small and tells that the rest is worth it.
  for (const file of needed.filter((each) => !isShard(each))) await fetchOne(file);
  const shards = needed.filter(isShard);
  const turns = Array.from({ length: AT_ONCE }, async () => {
    for (let file = shards.shift(); file !== undefined; file = shards.shift()) await fetchOne(file);
  });
  await Promise.all(turns);
}

async function fetchFile({ url, sha256 }: WeightFile): Promise<void> {
  const cache = await caches.open(cacheOf(url));
  if ((await cache.match(url)) !== undefined) return;
  const response = await fetch(url);
  const name = decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
  if (!response.ok)
    throw new EngineError('VARIANT_NOT_AVAILABLE', `The gateway answers ${response.status} for ${name}.`);
  const content = await response.arrayBuffer();
  const actual = hex(await crypto.subtle.digest('SHA-256', content));
  if (actual !== sha256)
    throw new EngineError(
      'INTEGRITY_MISMATCH',
      `${name} did not arrive whole: its SHA-256 is ${actual}, not ${sha256}. Try again.`,
    );
  try {
    await cache.put(url, new Response(content, { headers: response.headers }));
  } catch (error) {
    throw new EngineError(
      'DISK_FULL',
      `This browser has no room for ${name}: ${String(error)}. Free some, or clear what /worker keeps.`,
    );
  }
}

function cacheOf(url: string): string {
  if (url.endsWith('.wasm')) return LIBRARY;
  return url.endsWith('/mlc-chat-config.json') ? CONFIG : WEIGHTS;
}

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
