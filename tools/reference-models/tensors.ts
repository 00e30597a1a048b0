import { GGML_TYPES } from '../../src/routing/ggml-types.ts';
import type { TensorFacts } from '../../src/routing/weights.ts';
import type { ExpertMix, ReferenceModel, ReferenceQuantization } from './models.ts';

export interface ReferenceTensor extends TensorFacts {
  /** ggml's number of the type. */
  readonly typeId: number;
  /** Row length first, as GGUF has it. */
  readonly shape: readonly number[];
}

type TypeName = 'F32' | 'F16' | 'Q4_0' | 'Q5_0' | 'Q8_0' | 'Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K';

/** The type of every tensor that no rule below gives another. */
const BASE_TYPES: Readonly<Record<ReferenceQuantization, TypeName>> = {
  Q2_K: 'Q2_K',
  Q3_K_M: 'Q3_K',
  Q4_0: 'Q4_0',
  Q4_K_S: 'Q4_K',
  Q4_K_M: 'Q4_K',
  Q5_0: 'Q5_0',
  Q5_K_M: 'Q5_K',
  Q6_K: 'Q6_K',
  Q8_0: 'Q8_0',
  F16: 'F16',
};

/** The tensors of a model in the order of the file, with the types that llama.cpp's quantizer gives them. */
export function tensorTable(
  model: ReferenceModel,
  quantization: ReferenceQuantization,
  mix: ExpertMix,
): readonly ReferenceTensor[] {
  const choice: TypeChoice = { model, quantization, base: BASE_TYPES[quantization], mix };
  const input = [tensor('token_embd.weight', [model.embeddingLength, model.vocabularySize], choice.base)];
  const layers = Array.from({ length: model.layers }, (_, layer) =>
    layerShapes(model).map(([part, shape]) =>
      tensor(`blk.${layer}.${part}.weight`, shape, layerType(choice, part, layer)),
    ),
  );
  const output = [
    tensor('output_norm.weight', [model.embeddingLength], 'F32'),
    tensor('output.weight', [model.embeddingLength, model.vocabularySize], outputType(choice.base)),
  ];
  return [...input, ...layers.flat(), ...output];
}

function layerShapes(model: ReferenceModel): (readonly [part: string, shape: readonly number[]])[] {
  const { embeddingLength, feedForwardLength, experts } = model;
  const kvLength = (embeddingLength / model.heads) * model.kvHeads;
  const suffix = experts === null ? '' : '_exps';
  const perExpert = experts === null ? [] : [experts.count];
  return [
    ['attn_norm', [embeddingLength]],
    ['attn_q', [embeddingLength, embeddingLength]],
    ['attn_k', [embeddingLength, kvLength]],
    ['attn_v', [embeddingLength, kvLength]],
    ['attn_output', [embeddingLength, embeddingLength]],
    ['ffn_norm', [embeddingLength]],
    ...(experts === null ? [] : [['ffn_gate_inp', [embeddingLength, experts.count]] as const]),
    [`ffn_gate${suffix}`, [embeddingLength, feedForwardLength, ...perExpert]],
    [`ffn_down${suffix}`, [feedForwardLength, embeddingLength, ...perExpert]],
    [`ffn_up${suffix}`, [embeddingLength, feedForwardLength, ...perExpert]],
  ];
}

function tensor(name: string, shape: readonly number[], type: TypeName): ReferenceTensor {
  const [typeId, { blockElements, blockBytes }] = TYPES_BY_NAME.get(type)!;
  const elements = shape.reduce((product, length) => product * length, 1);
  if (shape[0]! % blockElements !== 0)
    throw new Error(`${name}: rows of ${shape[0]} do not divide into ${type} blocks`);
  return { name, shape, type, typeId, elements, bytes: (elements / blockElements) * blockBytes };
}

const TYPES_BY_NAME = new Map([...GGML_TYPES].map(([id, type]) => [type.name, [id, type] as const]));

// The rules of llama.cpp's src/llama-quant.cpp (`llama_tensor_get_type`), as far as these models need them.

interface TypeChoice {
  readonly model: ReferenceModel;
  readonly quantization: ReferenceQuantization;
  readonly base: TypeName;
  readonly mix: ExpertMix;
}

function layerType(choice: TypeChoice, part: string, layer: number): TypeName {
  if (part.endsWith('_norm') || part === 'ffn_gate_inp') return 'F32';
  if (choice.base === 'F16') return 'F16';
  if (choice.mix === '2023' && part.endsWith('_exps')) return choice.base;
  if (part === 'attn_k') return hasEightExperts(choice) ? 'Q8_0' : choice.base;
  if (part === 'attn_v') return attentionValueType(choice, layer);
  if (part === 'attn_output') return attentionOutputType(choice);
  if (part.startsWith('ffn_down')) return feedForwardDownType(choice, layer);
  return choice.base;
}

function outputType(base: TypeName): TypeName {
  return base === 'F16' || base === 'Q8_0' ? base : 'Q6_K';
}

function attentionValueType(choice: TypeChoice, layer: number): TypeName {
  if (hasEightExperts(choice)) return 'Q8_0';
  const type = denseAttentionValueType(choice, layer);
  // 80 layers mean 70B: eight heads share these values, so better ones cost little.
  return choice.model.layers === 80 && (type === 'Q3_K' || type === 'Q4_K') ? 'Q5_K' : type;
}

function denseAttentionValueType({ model, quantization, base }: TypeChoice, layer: number): TypeName {
  if (quantization === 'Q2_K') return model.heads / model.kvHeads >= 4 ? 'Q4_K' : 'Q3_K';
  if (quantization === 'Q3_K_M') return layer < 2 ? 'Q5_K' : 'Q4_K';
  if (quantization === 'Q4_K_S') return layer < 4 ? 'Q5_K' : base;
  return quantization.endsWith('_K_M') && hasMoreBits(model, layer) ? 'Q6_K' : base;
}

function attentionOutputType(choice: TypeChoice): TypeName {
  const { quantization, base, mix } = choice;
  if (mix === 'today' && hasEightExperts(choice))
    return ['Q2_K', 'Q3_K_M', 'Q4_K_S', 'Q4_K_M'].includes(quantization) ? 'Q5_K' : base;
  if (quantization === 'Q2_K') return 'Q3_K';
  return quantization === 'Q3_K_M' ? 'Q4_K' : base;
}

function feedForwardDownType({ model, quantization, base }: TypeChoice, layer: number): TypeName {
  if (quantization === 'Q2_K') return 'Q3_K';
  if (quantization === 'Q3_K_M') return layer < Math.floor(model.layers / 16) ? 'Q5_K' : 'Q4_K';
  if (quantization === 'Q4_K_S') return layer < Math.floor(model.layers / 8) ? 'Q5_K' : base;
  return quantization.endsWith('_K_M') && hasMoreBits(model, layer) ? 'Q6_K' : base;
}

function hasEightExperts({ model }: TypeChoice): boolean {
  return model.experts?.count === 8;
}

/** The first and the last eighth of the layers, and every third between. */
function hasMoreBits({ layers }: ReferenceModel, layer: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}
