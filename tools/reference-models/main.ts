/** `tsx tools/reference-models/main.ts OUT [model…]`: the files of all reference models, or of those named. */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { quantizationsOf, REFERENCE_MODELS, type ReferenceModelId } from './models.ts';
import { writeReferenceGguf } from './write-gguf.ts';

const isModelId = (id: string): id is ReferenceModelId => Object.hasOwn(REFERENCE_MODELS, id);

const all = Object.keys(REFERENCE_MODELS).filter(isModelId);
const [out, ...named] = process.argv.slice(2);
if (out === undefined || !named.every(isModelId)) {
  process.stderr.write(`Usage: npm run reference-models -- OUT [model…]\nModels: ${all.join(', ')}\n`);
  process.exit(2);
}

// Each mix in its own folder: both are variants of the same model, and a catalog keeps only one of each.
for (const mix of ['today', '2023'] as const)
  for (const modelId of named.length > 0 ? named : all)
    for (const quantization of quantizationsOf(modelId, mix)) {
      const file = path.join(out, mix, `${modelId}.${quantization}.gguf`);
      await mkdir(path.dirname(file), { recursive: true });
      await writeReferenceGguf(file, modelId, quantization, mix);
      const { size, blocks } = await stat(file);
      process.stdout.write(`${file}: ${(size / 1e9).toFixed(2)} GB, ${(blocks * 512) / 1e6} MB on disk\n`);
    }
