import type { QualityLoss } from './quality.ts';

export type WeightFormat = 'GGUF' | 'MLC';

/** One tensor as the file's table lists it. */
export interface TensorFacts {
  readonly name: string;
  /** ggml's name of the type, e.g. `Q4_K`. */
  readonly type: string;
  readonly elements: number;
  readonly bytes: number;
}

export interface Experts {
  readonly count: number;
  readonly usedPerToken: number;
}

/** The numbers of an architecture that memory and speed depend on; lengths in elements. */
export interface Architecture {
  readonly layers: number;
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly vocabularySize: number;
  /** KV heads times head length, keys and values together, per layer. */
  readonly kvLengthPerLayer: number;
  /** Null for a dense model. */
  readonly experts: Experts | null;
}

/** Where a variant's bytes are, from its tensor table and never from its name. */
export interface WeightFacts extends Architecture {
  readonly parameters: number;
  /** Parameters that one token's forward pass touches. */
  readonly activeParameters: number;
  readonly totalBytes: number;
  /** Bytes of all layers from the given one on, and of their experts; one longer than there are layers. */
  readonly layerBytesFrom: readonly number[];
  readonly expertBytesFrom: readonly number[];
  /** The largest tensor of the layers before the given one; one longer than there are layers. */
  readonly largestTensorBefore: readonly number[];
  /** Output matrix and norm; for a tied embedding, the copy that llama.cpp makes of the input table. */
  readonly outputBytes: number;
  /** Token embedding; stays on the host. */
  readonly inputBytes: number;
  /** True where expert tensors have the poor types that K-quants used before January 2024. */
  readonly has2023ExpertMix: boolean;
}

/** How an engine calls a model library: TVM's packed functions (until web-llm 0.2.79), or its FFI since. */
export type LibraryInterface = 'PACKED' | 'FFI';

/** What a browser needs to run weights in MLC's format. */
export interface MlcNeeds {
  /** The model library (WebAssembly): a file beside the weights, or where web-llm's own list has it; null where neither does. */
  readonly library: string | null;
  /** The library's version, as web-llm's list names it; null where the library does not say. */
  readonly libraryVersion: string | null;
  readonly libraryInterface: LibraryInterface | null;
  /** Why no engine of ours can run it, for people; null where nothing speaks against it. */
  readonly problem: string | null;
  /** Features that the browser's GPU must have. */
  readonly requiredFeatures: readonly string[];
  /** Memory it takes with a context of `requiredContext`, from web-llm's list; null where that does not have it. */
  readonly requiredBytes: number | null;
  readonly requiredContext: number | null;
  /** The storage buffer that the GPU must allow: from the list, else its largest tensor. */
  readonly requiredBufferBytes: number;
}

/** One quantization of a model, as the planner sees it. */
export interface VariantFacts {
  readonly id: string;
  readonly modelId: string;
  readonly quantization: string;
  readonly format: WeightFormat;
  readonly sizeBytes: number;
  readonly bitsPerWeight: number;
  readonly weights: WeightFacts;
  /** Null where nobody measured this quantization. */
  readonly qualityLoss: QualityLoss | null;
  /** Null, or left out, for GGUF. */
  readonly mlc?: MlcNeeds | null;
}

/** `blk.3.` as GGUF names it, `model.layers.3.` as MLC does. */
const LAYER = /^(?:blk|model\.layers|transformer\.h)\.(\d+)\./;
const EXPERTS = /ffn_(gate|up|down|gate_up)(_exps|\.\d+)\.|\.(experts|moe)\./;

const MIXED_SINCE_2024: ReadonlySet<string> = new Set(['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K']);

/** Sums up a tensor table. Tensors of layers beyond `architecture.layers` count as the last layer's. */
export function weightFacts(architecture: Architecture, tensors: readonly TensorFacts[]): WeightFacts {
  const { layers, experts } = architecture;
  const layerBytes = new Array<number>(layers).fill(0);
  const layerExpertBytes = new Array<number>(layers).fill(0);
  const layerLargestTensorBytes = new Array<number>(layers).fill(0);
  const total = { parameters: 0, bytes: 0, expertParameters: 0, input: 0, output: 0 };
  let tied = true;

  for (const { name, elements, bytes } of tensors) {
    total.parameters += elements;
    total.bytes += bytes;
    const layer = LAYER.exec(name)?.[1];
    if (layer !== undefined) {
      const index = Math.min(Number(layer), layers - 1);
      layerBytes[index]! += bytes;
      layerLargestTensorBytes[index] = Math.max(layerLargestTensorBytes[index]!, bytes);
      if (experts !== null && EXPERTS.test(name)) {
        layerExpertBytes[index]! += bytes;
        total.expertParameters += elements;
      }
    } else if (/^(token_embd|model\.embed_tokens)/.test(name)) {
      total.input += bytes;
    } else {
      total.output += bytes;
      tied &&= name !== 'output.weight' && !name.startsWith('lm_head');
    }
  }

  const unusedShare = experts === null ? 0 : 1 - experts.usedPerToken / experts.count;
  return {
    ...architecture,
    parameters: total.parameters,
    activeParameters: Math.round(total.parameters - total.expertParameters * unusedShare),
    totalBytes: total.bytes,
    layerBytesFrom: sumsFrom(layerBytes),
    expertBytesFrom: sumsFrom(layerExpertBytes),
    largestTensorBefore: layerLargestTensorBytes.reduce<number[]>(
      (largest, bytes) => [...largest, Math.max(largest.at(-1)!, bytes)],
      [0],
    ),
    outputBytes: total.output + (tied ? total.input : 0),
    inputBytes: total.input,
    has2023ExpertMix: hasUniformExperts(tensors),
  };
}

/** Since January 2024 the quantizer gives the down projections of some layers' experts a better type than the rest. */
function hasUniformExperts(tensors: readonly TensorFacts[]): boolean {
  const types = (part: string) =>
    new Set(
      tensors.flatMap(({ name, type }) =>
        name.includes(`.ffn_${part}`) && EXPERTS.test(name) ? [type] : [],
      ),
    );
  const [down, gate] = [types('down'), types('gate')];
  return down.size === 1 && [...down].every((type) => MIXED_SINCE_2024.has(type) && gate.has(type));
}

function sumsFrom(bytes: readonly number[]): number[] {
  const sums = new Array<number>(bytes.length + 1).fill(0);
  for (let index = bytes.length - 1; index >= 0; index--) sums[index] = sums[index + 1]! + bytes[index]!;
  return sums;
}
