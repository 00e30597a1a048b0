interface SamplingField {
  readonly name: string;
  /** The schema's default, shown where nothing is typed: a manifest may say another. */
  readonly usual: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export const SAMPLING_FIELDS = [
  { name: 'temperature', usual: '0.7', min: 0, max: 10, step: 0.05 },
  { name: 'topK', usual: '40', min: 0, max: 1_000_000, step: 1 },
  { name: 'topP', usual: '0.95', min: 0, max: 1, step: 0.01 },
  { name: 'minP', usual: '0.05', min: 0, max: 1, step: 0.01 },
  { name: 'repeatPenalty', usual: '1.1', min: 0.01, max: 10, step: 0.01 },
  { name: 'seed', usual: '', min: 0, max: 2 ** 32 - 2, step: 1 },
] as const satisfies readonly SamplingField[];
type SamplingName = (typeof SAMPLING_FIELDS)[number]['name'];

/** As typed; empty leaves it to the model's defaults. */
export type Sampling = Readonly<Record<SamplingName, string>>;

export const DEFAULT_SAMPLING: Sampling = {
  temperature: '',
  topK: '',
  topP: '',
  minP: '',
  repeatPenalty: '',
  seed: '',
};

/** What was left out stays out, so that the gateway's and the model's own defaults hold. */
export function samplingInput(sampling: Sampling): { sampling?: Record<string, number> } {
  const given = Object.entries(sampling).filter(([, text]) => text.trim() !== '');
  if (given.length === 0) return {};
  return { sampling: Object.fromEntries(given.map(([name, text]) => [name, Number(text)])) };
}
