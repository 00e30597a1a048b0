import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ggufFacts } from '../../src/models/gguf-facts.ts';
import { readGgufHeader } from '../../src/models/gguf.ts';
import { referenceVariant } from '../../tools/reference-models/facts.ts';
import {
  quantizationsOf,
  REFERENCE_MODELS,
  type ReferenceModelId,
} from '../../tools/reference-models/models.ts';
import { writeReferenceGguf } from '../../tools/reference-models/write-gguf.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-reference-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a reference model', () => {
  const modelIds = Object.keys(REFERENCE_MODELS) as ReferenceModelId[];
  const cases = modelIds.flatMap((modelId) =>
    (['today', '2023'] as const).flatMap((mix) =>
      quantizationsOf(modelId, mix).map((quantization) => ({ modelId, quantization, mix })),
    ),
  );

  it.each(cases)('$modelId $quantization of $mix: its file says what its facts say', async (one) => {
    const file = path.join(folder, 'model.gguf');
    await writeReferenceGguf(file, one.modelId, one.quantization, one.mix);
    const { variant } = ggufFacts(await readGgufHeader(file), file);
    const { size } = statSync(file);
    expect(variant).toEqual({
      ...referenceVariant(one.modelId, one.quantization, one.mix),
      path: file,
      files: [{ path: file, sizeBytes: size }],
      mlc: null,
    });
    expect(variant.quantization).toBe(one.quantization);
    const isMixedSince2024 = /^Q[2-5]_K/.test(one.quantization);
    expect(variant.weights.has2023ExpertMix).toBe(one.mix === '2023' && isMixedSince2024);
    expect(variant.weights).toMatchObject({
      layers: REFERENCE_MODELS[one.modelId].layers,
      vocabularySize: REFERENCE_MODELS[one.modelId].vocabularySize,
      experts: REFERENCE_MODELS[one.modelId].experts,
    });
  });
});

describe('Mixtral 8x7B', () => {
  // What llama.cpp's quantizer writes today, and what was on Hugging Face in December 2023.
  it.each([
    ['today', 'Q2_K', 17.31],
    ['today', 'Q4_K_M', 28.45],
    ['2023', 'Q2_K', 15.64],
    ['2023', 'Q4_K_M', 26.44],
  ] as const)('%s %s is a file of %d GB that takes next to no disk', async (mix, quantization, gigabytes) => {
    const file = path.join(folder, 'mixtral.gguf');
    await writeReferenceGguf(file, 'mixtral-8x7b', quantization, mix);
    const { size, blocks } = statSync(file);
    expect(Math.abs(size / 1e9 - gigabytes)).toBeLessThan(0.01);
    expect(blocks * 512).toBeLessThan(2e6);
    expect(referenceVariant('mixtral-8x7b', quantization, mix).weights.parameters).toBe(46_702_792_704);
  });

  it('has no F16 of 2023, and no other model has a 2023', async () => {
    const file = path.join(folder, 'none.gguf');
    await expect(writeReferenceGguf(file, 'mixtral-8x7b', 'F16', '2023')).rejects.toThrow('There is no F16');
    await expect(writeReferenceGguf(file, 'mistral-7b', 'Q2_K', '2023')).rejects.toThrow('There is no Q2_K');
  });
});
