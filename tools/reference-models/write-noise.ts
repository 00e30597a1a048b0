import { open } from 'node:fs/promises';
import { encodeHeader } from './header.ts';
import { REFERENCE_MODELS, type ReferenceModelId } from './models.ts';
import { tensorTable } from './tensors.ts';

/** As the header aligns tensors. */
const ALIGNMENT = 32;

/** Writes an F16 model whose matrices are noise and whose norms are ones: it runs like one that means something. */
export async function writeNoiseGguf(path: string, modelId: ReferenceModelId): Promise<void> {
  const model = REFERENCE_MODELS[modelId];
  const tensors = tensorTable(model, 'F16', 'today');
  const { bytes: header } = encodeHeader(model, 'F16', tensors);
  const pattern = Buffer.from(noise().buffer);
  const file = await open(path, 'w');
  try {
    await file.write(header);
    let offset = header.length;
    for (const { type, bytes } of tensors) {
      const source = type === 'F16' ? pattern : Buffer.from(new Float32Array(bytes / 4).fill(1).buffer);
      for (let written = 0; written < bytes; written += source.length)
        await file.write(source, 0, Math.min(source.length, bytes - written), offset + written);
      offset += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    }
  } finally {
    await file.close();
  }
}

/** 2^19 - 1 numbers between -1/32 and 1/32, always the same; a length that no matrix has, so that its rows differ. */
function noise(): Uint16Array {
  let state = 1;
  return Uint16Array.from({ length: 2 ** 19 - 1 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const [sign, exponent, fraction] = [state >>> 31, 5 + ((state >>> 28) % 5), (state >>> 8) & 0x3ff];
    return (sign << 15) | (exponent << 10) | fraction;
  });
}
