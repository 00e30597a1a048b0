import type { Figure } from './schema.ts';

interface FigureFacts {
  readonly key: Figure;
  readonly title: string;
  readonly unit: string;
  /** What one of its unit is of what is kept. */
  readonly scale: number;
  readonly better: 'higher' | 'lower' | null;
  readonly meaning: string;
}

/** What is measured of every run, in the order it is told. */
export const FIGURES: readonly FigureFacts[] = [
  {
    key: 'evalTokensPerSecond',
    title: 'Eval rate',
    unit: 'tokens/s',
    scale: 1,
    better: 'higher',
    meaning: 'Tokens decoded per second, by the runtime itself.',
  },
  {
    key: 'promptTokensPerSecond',
    title: 'Prompt eval rate',
    unit: 'tokens/s',
    scale: 1,
    better: 'higher',
    meaning:
      'Tokens of the prompt read per second. Runs that had half of it or more in a cache do not count.',
  },
  {
    key: 'firstTokenMs',
    title: 'First token',
    unit: 'ms',
    scale: 1,
    better: 'lower',
    meaning: 'From the slot to the first token: queue and load are left out. Cached prompts do not count.',
  },
  {
    key: 'loadMs',
    title: 'Load',
    unit: 'ms',
    scale: 1,
    better: 'lower',
    meaning: 'Of each time the model was loaded, for warm-ups too.',
  },
  {
    key: 'memoryBytes',
    title: 'Memory',
    unit: 'MiB',
    scale: 2 ** 20,
    better: 'lower',
    meaning: 'Measured while the model answered.',
  },
  {
    key: 'joulesPerToken',
    title: 'Energy',
    unit: 'J/token',
    scale: 1,
    better: 'lower',
    meaning: 'Of a lane that decoded alone, where the platform tells.',
  },
  {
    key: 'consistency',
    title: 'Language consistency',
    unit: '%',
    scale: 0.01,
    better: 'higher',
    meaning: 'Letters of the answer in the scripts of the language expected.',
  },
  {
    key: 'commonPrefixChars',
    title: 'Common prefix',
    unit: 'characters',
    scale: 1,
    better: null,
    meaning: "How long the answer is lane 0's.",
  },
];

const NUMBER = new Intl.NumberFormat('en', {
  maximumFractionDigits: 0,
  maximumSignificantDigits: 4,
  roundingPriority: 'morePrecision',
  useGrouping: false,
});

/** Four digits, or all before the point. */
export const numberText = (value: number): string => NUMBER.format(value);
export const shareText = (share: number | null): string =>
  share === null ? '–' : `${numberText(share * 100)} %`;
/** `×1.25` */
export const ratioText = (ratio: number | null): string =>
  ratio === null ? '–' : `×${ratio.toFixed(ratio < 10 ? 2 : 0)}`;
