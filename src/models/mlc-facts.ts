import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MixgateError, messageOf } from '../errors.ts';
import { weightFacts, type Architecture, type TensorFacts } from '../routing/weights.ts';
import { libraryAmong, mlcNeeds, type LibraryFile } from './mlc-library.ts';
import { slug, type Entry } from './variant.ts';
import { MLC_CONFIG, type WeightUnit } from './weight-units.ts';

const MAX_CONFIG_BYTES = 4 * 2 ** 20;
const MAX_TABLE_BYTES = 64 * 2 ** 20;

const count = z.number().int().min(1).max(1e9);

/** What of mlc-chat-config.json tells what a model is (https://llm.mlc.ai/docs/deploy/mlc_chat_config.html). */
export const mlcConfigSchema = z.object({
  model_type: z.string().min(1).max(100),
  quantization: z.string().regex(/^\w{2,40}$/, 'is no name of a quantization'),
  context_window_size: z.number().int().optional(),
  sliding_window_size: z.number().int().optional(),
  vocab_size: count,
  tokenizer_files: z.array(z.string()).max(100).default([]),
  model_config: z.object({
    hidden_size: count,
    num_hidden_layers: count.max(10_000),
    num_attention_heads: count,
    num_key_value_heads: count.optional(),
    head_dim: count.optional(),
    intermediate_size: count.optional(),
    num_local_experts: count.optional(),
    num_experts_per_tok: count.optional(),
    context_window_size: z.number().int().optional(),
  }),
});
type MlcConfig = z.output<typeof mlcConfigSchema>;

/** A name in the same folder and nothing else: it comes from whoever made the weights. */
const plainName = z.string().regex(/^[\w][\w.-]{0,200}$/, 'is no plain file name');

/** tensor-cache.json (ndarray-cache.json before web-llm 0.2.80): the tensor table, by shard. */
export const mlcTableSchema = z.object({
  records: z
    .array(
      z.object({
        dataPath: plainName,
        nbytes: z.number().int().nonnegative(),
        md5sum: z.string().optional(),
        records: z
          .array(
            z.object({
              name: z.string().max(500),
              shape: z.array(z.number().int().nonnegative()).max(8),
              dtype: z.string().max(40),
              nbytes: z.number().int().nonnegative(),
            }),
          )
          .max(65_536),
      }),
    )
    .min(1)
    .max(65_536),
});
export type MlcTable = z.output<typeof mlcTableSchema>;

export const MLC_TABLES = ['tensor-cache.json', 'ndarray-cache.json'] as const;

/** Model and variant of a folder of MLC weights. @throws VARIANT_NOT_AVAILABLE; `isIncomplete` where files are still to come */
export async function mlcFacts({ path: folder, files }: WeightUnit): Promise<Entry> {
  const names = new Map(files.map((file) => [path.basename(file), file]));
  const config = await readJson(names.get(MLC_CONFIG), folder, mlcConfigSchema, MAX_CONFIG_BYTES);
  const tableFile = MLC_TABLES.map((name) => names.get(name)).find((file) => file !== undefined);
  const table = await readJson(tableFile, folder, mlcTableSchema, MAX_TABLE_BYTES);
  await checkShards(table, names, folder);
  const sized = await Promise.all(
    files.map(async (file) => ({ path: file, sizeBytes: (await stat(file)).size })),
  );
  const entry = await mlcEntry(path.basename(folder), config, table, {
    library: await libraryAmong(files),
    chatTemplate: await chatTemplateOf(names.get('tokenizer_config.json')),
  });
  return { ...entry, variant: { ...entry.variant, path: folder, files: sized } };
}

interface MlcExtras {
  readonly library: LibraryFile | null;
  readonly chatTemplate: string | null;
}

/** The same from contents, wherever they are; `folderName` names the model, since MLC's files do not. */
export async function mlcEntry(
  folderName: string,
  config: MlcConfig,
  table: MlcTable,
  { library, chatTemplate }: MlcExtras,
) {
  const { quantization } = config;
  const shards = table.records;
  const tensors = shards.flatMap(({ records }) => records.map((tensor) => tensorFacts(tensor, quantization)));
  const weights = weightFacts(architectureOf(config), tensors);
  const name = folderName.replace(/-MLC$/i, '').replace(new RegExp(`[-_.]${quantization}$`, 'i'), '');
  const id = slug(name) || 'mlc-model';
  const sizeBytes = shards.reduce((sum, { nbytes }) => sum + nbytes, 0);
  return {
    model: {
      id,
      name: name.replaceAll('-', ' '),
      architecture: config.model_type,
      chatTemplate,
      license: null,
      tokenizer: { model: null, preTokenizer: null, vocabularySize: config.vocab_size },
    },
    variant: {
      id: `${id}:${quantization}`,
      modelId: id,
      quantization,
      format: 'MLC' as const,
      sizeBytes,
      bitsPerWeight: (weights.totalBytes * 8) / Math.max(1, weights.parameters),
      weights,
      // Nobody has published measurements of MLC's quantizations.
      qualityLoss: null,
      mlc: await mlcNeeds({
        name: folderName,
        quantization,
        largestTensorBytes: tensors.reduce((largest, { bytes }) => Math.max(largest, bytes), 0),
        library,
      }),
    },
  };
}

function architectureOf(config: MlcConfig): Architecture {
  const model = config.model_config;
  const kvHeads = model.num_key_value_heads ?? model.num_attention_heads;
  const headLength = model.head_dim ?? model.hidden_size / model.num_attention_heads;
  const windows = [config.context_window_size, model.context_window_size, config.sliding_window_size];
  const experts = model.num_local_experts ?? 0;
  return {
    layers: model.num_hidden_layers,
    contextLength: windows.find((size) => size !== undefined && size > 0) ?? 2048,
    embeddingLength: model.hidden_size,
    feedForwardLength: model.intermediate_size ?? 4 * model.hidden_size,
    vocabularySize: config.vocab_size,
    kvLengthPerLayer: 2 * kvHeads * headLength,
    experts: experts > 0 ? { count: experts, usedPerToken: model.num_experts_per_tok ?? experts } : null,
  };
}

type MlcTensor = MlcTable['records'][number]['records'][number];

/** Quantized weights are packed into 32-bit words, a whole number of them in each; scales are no parameters. */
function tensorFacts({ name, shape, dtype, nbytes }: MlcTensor, quantization: string): TensorFacts {
  const elements = shape.reduce((product, length) => product * length, 1);
  const bits = Number(/^q(\d+)/.exec(quantization)?.[1] ?? 0);
  const isPacked = name.endsWith('q_weight') && dtype === 'uint32' && bits > 0;
  const parameters = isPacked ? elements * Math.floor(32 / bits) : elements;
  return { name, type: dtype, elements: name.endsWith('q_scale') ? 0 : parameters, bytes: nbytes };
}

async function checkShards(table: MlcTable, names: ReadonlyMap<string, string>, folder: string) {
  for (const { dataPath, nbytes } of table.records) {
    const file = names.get(dataPath);
    const size = file === undefined ? null : (await stat(file)).size;
    if (size === nbytes) continue;
    const problem = size === null ? `${dataPath} is missing` : `${dataPath} has ${size} of ${nbytes} bytes`;
    throw unusable(folder, `is not complete: ${problem}`, true);
  }
  if (!names.has('tokenizer.json') && !names.has('tokenizer.model'))
    throw unusable(folder, 'is not complete: it has no tokenizer.json', true);
}

/** From the tokenizer's own configuration, as Transformers writes it; null where that has none. */
async function chatTemplateOf(file: string | undefined): Promise<string | null> {
  if (file === undefined || (await stat(file)).size > MAX_CONFIG_BYTES) return null;
  const schema = z.object({ chat_template: z.string().optional() });
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8'))).chat_template ?? null;
  } catch {
    return null; // Not needed to run the model.
  }
}

async function readJson<Schema extends z.ZodType>(
  file: string | undefined,
  folder: string,
  schema: Schema,
  maxBytes: number,
): Promise<z.output<Schema>> {
  if (file === undefined) throw unusable(folder, `is not complete: it has no ${MLC_TABLES[0]}`, true);
  if ((await stat(file)).size > maxBytes)
    throw unusable(folder, `has a ${path.basename(file)} that is too long`);
  return parseMlcJson(await readFile(file, 'utf8'), file, schema);
}

/** @throws VARIANT_NOT_AVAILABLE with every problem */
export function parseMlcJson<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
): z.output<Schema> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw unusable(file, `is no JSON: ${messageOf(error)}`, true);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw unusable(file, `is not as MLC writes it: ${problems.join('; ')}`);
}

const unusable = (path_: string, problem: string, isIncomplete = false) =>
  new MixgateError('VARIANT_NOT_AVAILABLE', `${path_} ${problem}. Download it again.`, {
    path: path_,
    ...(isIncomplete && { isIncomplete }),
  });
