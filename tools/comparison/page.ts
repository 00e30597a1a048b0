import type { QualityLoss } from '../../src/routing/quality.ts';
import type { VariantFacts } from '../../src/routing/weights.ts';
import { referenceVariant } from '../reference-models/facts.ts';
import type { ExpertMix, ReferenceModelId } from '../reference-models/models.ts';
import { MEASURED_RUNS, type MeasuredRun } from './article.ts';
import {
  chosenOf,
  CONTEXT_SIZE,
  HOST,
  MARGIN_BYTES,
  planEach,
  V100,
  variantsOf,
  type Planned,
} from './plans.ts';

/** docs/comparison.md. Digits are fixed and no locale takes part, so that the page is the same everywhere. */

interface Subject {
  readonly title: string;
  readonly modelId: ReferenceModelId;
  readonly mix: ExpertMix;
}

const SUBJECTS: readonly Subject[] = [
  { title: 'Llama 2 7B', modelId: 'llama-2-7b', mix: 'today' },
  { title: 'Mixtral 8x7B, files of December 2023', modelId: 'mixtral-8x7b', mix: '2023' },
  { title: 'Mixtral 8x7B, files of today', modelId: 'mixtral-8x7b', mix: 'today' },
  { title: 'Llama 2 70B', modelId: 'llama-2-70b', mix: 'today' },
];

const UNKNOWN = '–';
const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(2);
const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);
const billions = (count: number): string => `${(count / 1e9).toFixed(1)}B`;
const speed = (value: number | null): string => (value === null ? UNKNOWN : value.toFixed(1));
const layersOf = ({ plan }: Planned): string =>
  `${Math.min(plan.gpuLayers, plan.totalLayers)} of ${plan.totalLayers}`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}

export const comparisonPage = (): string => `# Mixtral beside Llama 2 on one 16 GB card

Made by \`npm run docs:comparison\`: the planner's answer to an article of December 2023, which ran Mixtral 8x7B
Instruct on one Tesla V100 and compared it with Llama 2 7B and 70B. Nothing here was run by mixgate. Memory is
computed from the tensor tables of the files; speeds are estimates, and quality losses are other people's measurements.

Planned for: ${V100.name} of ${V100.memoryTotalBytes / 2 ** 20} MiB and ${(V100.memoryBandwidth! / 1e9).toFixed(0)} GB/s, a margin of ${gib(MARGIN_BYTES)} GiB, a host with ${gib(HOST.memoryFreeBytes)} GiB free at
${(HOST.memoryBandwidth! / 1e9).toFixed(0)} GB/s (assumed: the article does not say), context ${CONTEXT_SIZE}, one slot, F16 KV cache. Layers are counted as llama.cpp's
\`--n-gpu-layers\` does today, the output layer included.

## Memory like 47 billion parameters, speed like 13

${sizes()}

A token of Mixtral passes 2 of 8 experts per layer: it takes the memory of all parameters and the reading of the active
ones. "Read per token" is all weights but the unused experts and the input table, for Q4_K_M.

## What the planner does with the card

"Choice" is what \`mixgate plan\` would take: the least quality loss that is estimated to reach 10 tokens/s, or else the
fastest. Quality loss is a published perplexity ratio to F16 (PPL, 1 = no loss) or KL divergence (KL, nats), the closest
there is to the model; the two do not compare, nor do models with each other.

${SUBJECTS.map(section).join('\n\n')}

${sources()}

## Beside what the article measured

${measured()}

- **Layers.** The article chose them by hand. Its Q4_K_M with 20 layers fits only without a margin: with one of
  ${gib(MARGIN_BYTES)} GiB the planner stops at ${planned('Q4_K_M').plan.gpuLayers}. Its Q2_K left room: the planner would put ${planned('Q2_K').plan.gpuLayers} layers on the card.
- **Speed.** For the article's own layers our estimate is
  ${factors()}.
  It is bytes read over bandwidth, and a prior: 70 % of the nominal bandwidth of each memory, a fixed time per layer, 20 % off for 2- and 3-bit types. It was
  fitted to no run on this card. It knows nothing of llama.cpp of December 2023, whose mixture-of-experts kernels were new,
  and the host's bandwidth is assumed, which matters most where most layers are on the host. The order of the two
  holds, the figures do not. mixgate replaces a device's prior by what its own runs reach there, once a model was whole
  on it.
- **Prompt and load.** mixgate estimates neither, so there is nothing to compare.
- **Choice.** The article's Q2_K was the fast one, at a price: with that year's tensor types its loss is
  ${loss(planned('Q2_K').variant.qualityLoss)}. For those files the planner takes ${chosenOf(variantsOf('mixtral-8x7b', '2023')) ?? 'none'} instead, if its estimate of the speed is right.
`;

function sizes(): string {
  const rows = SUBJECTS.map(({ title, modelId, mix }) => {
    const [one] = planEach([referenceVariant(modelId, 'Q4_K_M', mix)]);
    const { parameters, activeParameters, totalBytes } = one!.variant.weights;
    return [
      title,
      billions(parameters),
      billions(activeParameters),
      gigabytes(2 * parameters),
      gigabytes(totalBytes),
      gigabytes(one!.bytesPerToken),
    ];
  });
  const head = ['', 'parameters', 'active', 'unquantized, GB', 'Q4_K_M, GB', 'read per token, GB'];
  return table(head, rows);
}

function section({ title, modelId, mix }: Subject): string {
  const variants = variantsOf(modelId, mix);
  const chosen = chosenOf(variants);
  const rows = planEach(variants).map((each) => {
    const { variant, plan, bytesPerToken } = each;
    return [
      variant.quantization === chosen ? `**${variant.quantization}**` : variant.quantization,
      gigabytes(variant.sizeBytes),
      variant.bitsPerWeight.toFixed(2),
      loss(variant.qualityLoss),
      plan.fits ? layersOf(each) : 'does not fit',
      gib(plan.memory.deviceTotalBytes),
      gib(plan.memory.hostTotalBytes),
      gigabytes(bytesPerToken),
      plan.fits ? speed(plan.decodeTokensPerSecond) : UNKNOWN,
    ];
  });
  const head = [
    'quantization',
    'file, GB',
    'bits per weight',
    'quality loss',
    'layers on the card',
    'card, GiB',
    'host, GiB',
    'read per token, GB',
    'tokens/s, estimated',
  ];
  const choice = chosen === null ? 'none fits' : `**${chosen}**`;
  return `### ${title}\n\nChoice: ${choice}.${mix === '2023' ? borrowed(variants) : ''}\n\n${table(head, rows)}`;
}

/** Quality losses of 2023's files that were not measured on files of 2023. */
function borrowed(variants: readonly VariantFacts[]): string {
  const names = variants
    .filter(({ qualityLoss }) => qualityLoss !== null && !qualityLoss.source.includes('2023'))
    .map(({ quantization }) => quantization);
  return names.length === 0 ? '' : ` Quality losses not measured on files of 2023: ${names.join(', ')}.`;
}

function loss(of: QualityLoss | null): string {
  if (of === null) return UNKNOWN;
  if (of.perplexityRatio !== null) return `PPL ×${of.perplexityRatio.toFixed(4)}`;
  return of.klDivergence === null ? UNKNOWN : `KL ${of.klDivergence.toFixed(4)}`;
}

function sources(): string {
  const variants = SUBJECTS.flatMap(({ modelId, mix }) => variantsOf(modelId, mix));
  const names = new Set(variants.flatMap(({ qualityLoss }) => qualityLoss?.source ?? []));
  return `Quality losses from: ${[...names].sort().join('; ')}.`;
}

/** With a margin, of the files of December 2023. */
function planned(quantization: MeasuredRun['quantization']): Planned {
  return planEach([referenceVariant('mixtral-8x7b', quantization, '2023')])[0]!;
}

/** What the planner says of exactly the run that was measured. */
function sameRun({ quantization, gpuLayers }: MeasuredRun): Planned {
  const variant = referenceVariant('mixtral-8x7b', quantization, '2023');
  return planEach([variant], { gpuLayers, marginBytes: 0 })[0]!;
}

function measured(): string {
  const rows = MEASURED_RUNS.map((run) => {
    const [own, same] = [planned(run.quantization), sameRun(run)];
    return [
      run.quantization,
      `${run.gigabytes.toFixed(2)} / ${gigabytes(own.variant.sizeBytes)}`,
      `${run.layers}, today ${run.gpuLayers}`,
      layersOf(own),
      run.tokensPerSecond.toFixed(2),
      speed(same.plan.decodeTokensPerSecond),
      speed(own.plan.decodeTokensPerSecond),
      run.promptTokensPerSecond.toFixed(2),
      run.loadSeconds.toFixed(1),
    ];
  });
  const head = [
    'Mixtral 8x7B, 2023',
    'file, GB: theirs / ours',
    'layers, measured',
    'layers, ours',
    'tokens/s, measured',
    'estimated for the same layers',
    'estimated for ours',
    'prompt tokens/s, measured',
    'load s, measured',
  ];
  return table(head, rows);
}

/** `2.3 times what was measured for Q2_K and …`. */
function factors(): string {
  const each = MEASURED_RUNS.map((run) => {
    const estimated = sameRun(run).plan.decodeTokensPerSecond ?? NaN;
    return `${(estimated / run.tokensPerSecond).toFixed(1)} times what was measured for ${run.quantization}`;
  });
  return each.join(' and ');
}
