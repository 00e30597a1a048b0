/** A published measurement of what a quantization loses against F16; a prior, not a measurement of a file. */
export interface QualityLoss {
  /** Mean KL divergence of the next-token distribution, nats. */
  readonly klDivergence: number | null;
  /** Perplexity divided by F16's, 1 = no loss. */
  readonly perplexityRatio: number | null;
  readonly source: string;
}

/** One published table: whom it was measured on and its figure per quantization. */
interface Measurement {
  readonly source: string;
  readonly figure: 'klDivergence' | 'perplexityRatio';
  readonly byQuantization: Readonly<Record<string, number>>;
}

const LLAMA_3_8B: Measurement = {
  source: 'Llama-3-8B, llama.cpp tools/perplexity/README.md',
  figure: 'klDivergence',
  byQuantization: {
    Q2_K: 0.445,
    Q3_K_M: 0.102,
    Q4_0: 0.072,
    Q4_K_M: 0.031,
    Q5_K_M: 0.0108,
    Q6_K: 0.0055,
    Q8_0: 0.0014,
  },
};

const LLAMA_2_70B: Measurement = {
  source: 'Llama-2-70B, llama.cpp tools/perplexity/README.md and pull request 4872',
  figure: 'perplexityRatio',
  byQuantization: {
    Q2_K: 1.0882,
    Q3_K_M: 1.0472,
    Q4_0: 1.0361,
    Q4_K_M: 1.012,
    Q5_K_M: 1.004,
    Q6_K: 1.0016,
  },
};

const MIXTRAL_2023: Measurement = {
  source: 'Mixtral-8x7B with the tensor types of December 2023, llama.cpp pull request 4406',
  figure: 'perplexityRatio',
  byQuantization: { Q2_K: 1.6, Q3_K_M: 1.058, Q4_0: 1.023, Q4_K_M: 1.023, Q5_K_M: 1.007, Q6_K: 1.0034 },
};

const MIXTRAL: Measurement = {
  source: 'Mixtral-8x7B, ikawrakow/mixtral-8x7b-quantized-gguf',
  figure: 'perplexityRatio',
  byQuantization: { Q2_K: 1.232, Q3_K_M: 1.0447, Q4_0: 1.0232, Q4_K_M: 1.0147 },
};

const REFERENCE: QualityLoss = { klDivergence: 0, perplexityRatio: 1, source: 'F16 is the reference' };

/** What the choice of a table depends on. */
export interface QualityFeatures {
  readonly isMixtureOfExperts: boolean;
  readonly has2023ExpertMix: boolean;
  readonly parameters: number;
}

/** The closest published measurement of this quantization, or null where there is none. */
export function qualityLoss(quantization: string, features: QualityFeatures): QualityLoss | null {
  if (['F16', 'BF16', 'F32'].includes(quantization)) return REFERENCE;
  for (const { source, figure, byQuantization } of measurementsFor(features)) {
    const value = byQuantization[quantization];
    if (value !== undefined) return { klDivergence: null, perplexityRatio: null, source, [figure]: value };
  }
  return null;
}

function measurementsFor({
  isMixtureOfExperts,
  has2023ExpertMix,
  parameters,
}: QualityFeatures): Measurement[] {
  if (isMixtureOfExperts)
    return has2023ExpertMix ? [MIXTRAL_2023, LLAMA_3_8B] : [MIXTRAL, MIXTRAL_2023, LLAMA_3_8B];
  return parameters >= 40e9 ? [LLAMA_2_70B, LLAMA_3_8B] : [LLAMA_3_8B];
}

/** Nothing above Q6_K counts as better: its gain is below what anyone can measure. */
const NEGLIGIBLE_BITS_PER_WEIGHT = 6.5;

/** KL divergence by bits per weight, Llama-3-8B: the scale on which variants are ranked. */
const SCALE: readonly (readonly [bitsPerWeight: number, loss: number])[] = [
  [1.5, 2],
  [2.97, 0.445],
  [3.86, 0.102],
  [4.53, 0.072],
  [4.87, 0.031],
  [5.69, 0.0108],
  [NEGLIGIBLE_BITS_PER_WEIGHT, 0.0055],
];

/**
 * A variant's place in a quality order, smaller is better. Only for comparing variants of one model. Published
 * figures of different kinds and models do not compare, so a known loss is first brought to the KL scale of
 * its own quantization's name, and an unknown one is read off that scale at its bits per weight.
 */
export function qualityRank(variant: {
  quantization: string;
  bitsPerWeight: number;
  qualityLoss: QualityLoss | null;
}): number {
  const known = LLAMA_3_8B.byQuantization[variant.quantization];
  const loss = known ?? lossAtBitsPerWeight(variant.bitsPerWeight);
  return Math.max(loss, LLAMA_3_8B.byQuantization['Q6_K']!);
}

function lossAtBitsPerWeight(bitsPerWeight: number): number {
  if (bitsPerWeight <= SCALE[0]![0]) return SCALE[0]![1];
  for (let index = 1; index < SCALE.length; index++) {
    const [bits, loss] = SCALE[index]!;
    const [bitsBelow, lossBelow] = SCALE[index - 1]!;
    if (bitsPerWeight <= bits) {
      const share = (bitsPerWeight - bitsBelow) / (bits - bitsBelow);
      return Math.exp(Math.log(lossBelow) * (1 - share) + Math.log(loss) * share);
    }
  }
  return SCALE.at(-1)![1];
}
