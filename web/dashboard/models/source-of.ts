/** Of a repository of the Hub: what comes before the quantizations. Files in it, and other sources, have no choice. */
const REPOSITORY = /^(hf:[^/:@]+\/[^/:@]+(?:@[^:]+)?)(?::[^:]*)?$/i;

/** The source that brings just this quantization of what another source has. */
export function sourceOf(source: string, quantization: string): string {
  const [, repository] = REPOSITORY.exec(source.trim()) ?? [];
  return repository === undefined ? source : `${repository}:${quantization}`;
}
