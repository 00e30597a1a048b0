import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chatConfig } from '../../test/support/mlc-model/chat-config.ts';
import { answerChain } from './chain.ts';
import { libraryMetadata, QUANTIZATION, QWEN2 } from './library.ts';
import { writeShards } from './shards.ts';
import { chainTensors } from './weights.ts';

/** How the gateway calls what `writeModel` writes. */
export const MODEL = { model: 'made-by-hand', quantization: QUANTIZATION } as const;
/** Tokens, prompt included. */
export const CONTEXT_SIZE = 512;

/**
 * Writes a folder of MLC weights into a models folder, with the library beside them: Qwen2-0.5B's shapes, and weights
 * that give one answer to every chat. 280 MB, of which the disk holds less than 3. @throws where the library is another
 */
export async function writeModel(modelsFolder: string, library: string): Promise<void> {
  const { params, prefill_chunk_size } = await libraryMetadata(library);
  const folder = path.join(modelsFolder, `${MODEL.model}-${MODEL.quantization}-MLC`);
  await mkdir(folder, { recursive: true });
  const { tokenizer, tokens } = answerChain();
  const config = chatConfig({
    special: tokenizer.special,
    limits: {
      model_type: 'qwen2',
      quantization: QUANTIZATION,
      context_window_size: CONTEXT_SIZE,
      sliding_window_size: -1,
      attention_sink_size: -1,
      prefill_chunk_size,
      tensor_parallel_shards: 1,
    },
    modelConfig: QWEN2,
    tokenizerFiles: ['tokenizer.json'],
  });
  const table = await writeShards(folder, chainTensors(params, tokens, QWEN2.hidden_size));
  const write = (name: string, content: object) =>
    writeFile(path.join(folder, name), JSON.stringify(content, null, 2));
  await write('mlc-chat-config.json', config);
  await write('tokenizer.json', tokenizer.json);
  await write('tensor-cache.json', table);
  await copyFile(library, path.join(folder, path.basename(library)));
}
