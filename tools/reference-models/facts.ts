import { ggufFacts } from '../../src/models/gguf-facts.ts';
import type { GgufValue } from '../../src/models/gguf.ts';
import type { VariantFacts } from '../../src/routing/weights.ts';
import { encodeHeader } from './header.ts';
import { metadataOf } from './metadata.ts';
import { REFERENCE_MODELS } from './models.ts';
import type { ExpertMix, ReferenceModelId, ReferenceQuantization } from './models.ts';
import { tensorTable } from './tensors.ts';

/** The facts that the catalog would read from the file, without the file. */
export function referenceVariant(
  modelId: ReferenceModelId,
  quantization: ReferenceQuantization,
  mix: ExpertMix = 'today',
): VariantFacts {
  const model = REFERENCE_MODELS[modelId];
  const tensors = tensorTable(model, quantization, mix);
  const { bytes, dataBytes } = encodeHeader(model, quantization, tensors);
  const metadata = metadataOf(model, quantization);
  const header = {
    metadata: new Map<string, GgufValue>(metadata.map(([key, { value }]) => [key, value])),
    arrayLengths: new Map<string, number>(),
    tensors,
    fileBytes: bytes.length + dataBytes,
    dataOffset: bytes.length,
  };
  const { variant } = ggufFacts(header, `${modelId}.${quantization}.gguf`);
  const { id, quantization: named, format, sizeBytes, bitsPerWeight, weights, qualityLoss } = variant;
  return {
    id,
    modelId: variant.modelId,
    quantization: named,
    format,
    sizeBytes,
    bitsPerWeight,
    weights,
    qualityLoss,
  };
}
