/** Weights that are kept in this browser for the next load. */

export const GGUF_CACHE = 'mixgate/gguf';

/** web-llm has names of its own. */
const isOurs = (name: string): boolean => name === GGUF_CACHE || name.startsWith('webllm/');

/** Bytes that this site keeps; null where the browser does not say, or keeps nothing. */
export async function keptBytes(): Promise<number | null> {
  if (!('caches' in globalThis)) return null;
  const names = (await caches.keys()).filter(isOurs);
  const { usage } = await navigator.storage.estimate();
  return names.length === 0 || usage === undefined ? null : usage;
}

export async function clearKept(): Promise<void> {
  const names = (await caches.keys()).filter(isOurs);
  await Promise.all(names.map((name) => caches.delete(name)));
}
