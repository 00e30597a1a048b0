import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chainTokenizer, type ChainTokenizer, type Piece } from './chain-tokenizer.ts';
import { chainShards, shardFiles, WIDTH } from './chain-weights.ts';
import { chatConfig } from './chat-config.ts';
import { compileLibrary } from './compile-library.ts';

export const MLC_LIBRARY = 'tiny-chain-q4f32_1-webgpu.wasm';
const QUANTIZATION = 'q4f32_1';

/** Forty tokens. The 七 and the 🦄 are split over two tokens each. */
export const ANSWER: readonly Piece[] = [
  ...['One', ' two', ' three', ' 四', ' five', ' six', Buffer.from([0x20, 0xe4, 0xb8]), Buffer.from([0x83])],
  ...[' eight', ' nine', ' ten', Buffer.from([0x20, 0xf0, 0x9f]), Buffer.from([0xa6, 0x84]), ' twelve'],
  ...[' thirteen', ' fourteen', ' fifteen', ' sixteen', ' seventeen', ' eighteen', ' nineteen', ' twenty'],
  ...['二十一', '二十二', '二十三', '二十四', '二十五', '二十六', '二十七', '二十八', '二十九', '三十'],
  ...[' and', ' that', ' is', ' far', ' enough', ' for', ' today', '.'],
];

export interface MlcModelOptions {
  /** One token each, none twice. */
  readonly answer?: readonly Piece[];
  /** Busy wait before each token. */
  readonly pauseMs?: number;
  /** The GPU is lost as this token is made, counted from 1 since the model was loaded. */
  readonly loseDeviceAt?: number;
  /** This token fails with an error of the library, counted in the same way. */
  readonly failAt?: number;
  readonly contextWindow?: number;
  readonly prefillChunk?: number;
}

export interface MlcModel {
  /** What follows any prompt that does not end in a piece of it. */
  readonly answer: string;
  readonly folder: string;
  readonly library: string;
}

/** Writes a folder of MLC weights, with its library beside them, that web-llm runs as it runs any other. */
export async function makeMlcModel(folder: string, options: MlcModelOptions = {}): Promise<MlcModel> {
  const pieces = options.answer ?? ANSWER;
  const tokenizer = chainTokenizer(pieces);
  const shards = chainShards(successors(tokenizer));
  const config = chatConfig({
    special: tokenizer.special,
    limits: limits(options),
    modelConfig: modelConfig(successors(tokenizer).length),
    tokenizerFiles: ['tokenizer.json', 'tokenizer_config.json'],
  });
  const { pauseMs = 0, loseDeviceAt = 0, failAt = 0 } = options;
  const parameters = shards.flat().map(({ name, shape, dtype }) => ({ name, shape, dtype, preprocs: [] }));
  const metadata = { ...limits(options), kv_state_kind: 'kv_cache', params: parameters };
  const files = {
    'mlc-chat-config.json': JSON.stringify(config, null, 2),
    'tokenizer.json': JSON.stringify(tokenizer.json),
    'tokenizer_config.json': JSON.stringify({ chat_template: CHAT_TEMPLATE }),
    ...shardFiles(shards),
    [MLC_LIBRARY]: await compileLibrary({ pauseMs, loseDeviceAt, failAt, metadata }),
  };
  await mkdir(folder, { recursive: true });
  await Promise.all(
    Object.entries(files).map(([name, content]) => writeFile(path.join(folder, name), content)),
  );
  const answer = Buffer.concat(pieces.map((piece) => Buffer.from(piece as Uint8Array))).toString();
  return { answer, folder, library: MLC_LIBRARY };
}

/** Of each token the one that follows; the answer begins after any that is not part of it. Some are of no use: models' vocabularies are padded. */
function successors({ size, pieces, special }: ChainTokenizer): readonly number[] {
  const table = new Array<number>(Math.ceil(size / 32) * 32).fill(pieces[0]!);
  for (const [index, piece] of pieces.entries()) table[piece] = pieces[index + 1] ?? special['<|im_end|>'];
  return table;
}

const limits = ({ contextWindow = 512, prefillChunk = 64 }: MlcModelOptions) => ({
  model_type: 'qwen2',
  quantization: QUANTIZATION,
  context_window_size: contextWindow,
  sliding_window_size: -1,
  attention_sink_size: -1,
  prefill_chunk_size: prefillChunk,
  tensor_parallel_shards: 1,
});

const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const modelConfig = (vocabSize: number) => ({
  hidden_size: WIDTH,
  intermediate_size: 2 * WIDTH,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  head_dim: WIDTH / 2,
  vocab_size: vocabSize,
});
