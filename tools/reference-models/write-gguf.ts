import { open } from 'node:fs/promises';
import { encodeHeader } from './header.ts';
import { quantizationsOf, REFERENCE_MODELS } from './models.ts';
import type { ExpertMix, ReferenceModelId, ReferenceQuantization } from './models.ts';
import { tensorTable } from './tensors.ts';

/**
 * Writes a GGUF file that is true in everything but its weights, which are a hole of the right size: 26 GB of
 * Mixtral take 0.7 MB of disk where the file system knows sparse files.
 * @throws where this mix has no such quantization
 */
export async function writeReferenceGguf(
  path: string,
  modelId: ReferenceModelId,
  quantization: ReferenceQuantization,
  mix: ExpertMix = 'today',
): Promise<void> {
  if (!quantizationsOf(modelId, mix).includes(quantization))
    throw new Error(`There is no ${quantization} of ${modelId} with the tensor types of ${mix}.`);
  const model = REFERENCE_MODELS[modelId];
  const { bytes, dataBytes } = encodeHeader(model, quantization, tensorTable(model, quantization, mix));
  const file = await open(path, 'w');
  try {
    await file.write(bytes);
    await file.truncate(bytes.length + dataBytes);
  } finally {
    await file.close();
  }
}
