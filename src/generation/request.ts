import { z } from 'zod';
import { MixgateError } from '../errors.ts';
import { isShallow, MAX_DEPTH } from '../protocol/shallow.ts';

/**
 * What a caller may ask for, checked once for every way in: GraphQL over each transport, and the command line.
 * All problems are reported at once, each with its path.
 */

/** llama.cpp takes 32 bits, of which the highest value means random. */
const MAX_SEED = 2 ** 32 - 2;
const MAX_CONTEXT = 2 ** 24;
const MAX_SLOTS = 64;

/** `contextSize` when none is given, tokens: this, or the model's own length where that is shorter. */
export const DEFAULT_CONTEXT_SIZE = 2048;

const finite = (least: number, most: number) => z.number().min(least).max(most);
const whole = (least: number, most: number) => z.number().int().min(least).max(most);
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? null);
const withDefault = <Value>(schema: z.ZodType<Value>, value: Value) =>
  schema.nullish().transform((given): Value => given ?? value);

const name = z.string().min(1, 'must not be empty').max(512);
const contextSize = withDefault(whole(1, MAX_CONTEXT), DEFAULT_CONTEXT_SIZE);
const gpuLayers = optional(whole(0, 10_000));
const kvCacheType = optional(z.enum(['F16', 'Q8_0', 'Q4_0']));
const objective = withDefault(z.enum(['QUALITY', 'BALANCED', 'SPEED']), 'BALANCED');

const promptSchema = z
  .object({
    text: z.string().min(1, 'must not be empty').nullish(),
    messages: z
      .array(z.object({ role: z.enum(['SYSTEM', 'USER', 'ASSISTANT']), content: z.string() }))
      .min(1, 'needs at least one message')
      .nullish(),
  })
  .transform(({ text, messages }, context) => {
    if (typeof text === 'string' && !messages) return { text };
    if (messages && typeof text !== 'string') {
      if (messages.some(({ content }) => content.trim() !== '')) return { messages: messages.map(lowerRole) };
      context.addIssue({ code: 'custom', message: 'every message is empty: write something' });
      return z.NEVER;
    }
    context.addIssue({ code: 'custom', message: 'needs exactly one of text and messages' });
    return z.NEVER;
  });

const ROLES = { SYSTEM: 'system', USER: 'user', ASSISTANT: 'assistant' } as const;
const lowerRole = ({ role, content }: { role: keyof typeof ROLES; content: string }) => ({
  role: ROLES[role],
  content,
});

const SAMPLING = {
  temperature: finite(0, 10),
  topK: whole(0, 1_000_000),
  topP: finite(0, 1),
  minP: finite(0, 1),
  repeatPenalty: finite(0.01, 10),
  repeatLastN: whole(-1, MAX_CONTEXT),
  presencePenalty: finite(-10, 10),
  frequencyPenalty: finite(-10, 10),
};

/** What a model's own defaults may say. */
export const samplingDefaultsSchema = z.strictObject(SAMPLING).partial();

/** The defaults are the schema's. */
const samplingSchema = z.object({
  temperature: withDefault(SAMPLING.temperature, 0.7),
  topK: withDefault(SAMPLING.topK, 40),
  topP: withDefault(SAMPLING.topP, 0.95),
  minP: withDefault(SAMPLING.minP, 0.05),
  repeatPenalty: withDefault(SAMPLING.repeatPenalty, 1.1),
  repeatLastN: withDefault(SAMPLING.repeatLastN, 64),
  presencePenalty: withDefault(SAMPLING.presencePenalty, 0),
  frequencyPenalty: withDefault(SAMPLING.frequencyPenalty, 0),
  seed: optional(whole(0, MAX_SEED)),
});

export const generationRequestSchema = z.object({
  model: name,
  prompt: promptSchema,
  quantization: optional(name),
  backend: optional(name),
  device: optional(name),
  gpuLayers,
  contextSize,
  kvCacheType,
  objective,
  sampling: z
    .unknown()
    .optional()
    .transform((value) => value ?? {})
    .pipe(samplingSchema),
  maxTokens: optional(whole(0, MAX_CONTEXT)),
  stop: withDefault(z.array(z.string().min(1, 'must not be empty').max(1024)).max(64), []),
  jsonSchema: z
    .unknown()
    .optional()
    .refine(isShallow, `may nest ${MAX_DEPTH} deep`)
    .transform((value) => value ?? null),
  priority: withDefault(whole(-1_000_000, 1_000_000), 0),
  maxWaitMs: optional(whole(0, 2 ** 31 - 1)),
  maxRunMs: optional(whole(1, 2 ** 31 - 1)),
  onDisconnect: withDefault(z.enum(['CANCEL', 'CONTINUE']), 'CANCEL'),
  onLanguageDrift: withDefault(z.enum(['IGNORE', 'STOP', 'RETRY']), 'IGNORE'),
});
export type GenerationRequest = z.output<typeof generationRequestSchema>;

export const loadRequestSchema = z.object({
  model: name,
  quantization: optional(name),
  device: optional(name),
  gpuLayers,
  contextSize,
  slots: withDefault(whole(1, MAX_SLOTS), 1),
  kvCacheType,
  pinned: withDefault(z.boolean(), false),
});
export type ModelLoadRequest = z.output<typeof loadRequestSchema>;

const bytes = whole(0, Number.MAX_SAFE_INTEGER);
const bandwidth = optional(z.number().positive().max(1e18));

export const planRequestSchema = loadRequestSchema.omit({ pinned: true }).extend({
  /** Tokens computed at once while a prompt is read. */
  batchSize: optional(whole(1, 65_536)),
  objective,
  hypotheticalDevice: optional(
    z.object({
      name: withDefault(name, 'hypothetical'),
      kind: z.enum(['CUDA', 'METAL', 'VULKAN', 'CPU', 'WEBGPU', 'REMOTE']),
      memoryTotalBytes: bytes.min(1, 'must be more than 0'),
      memoryFreeBytes: optional(bytes),
      memoryBandwidth: bandwidth,
      hostMemoryFreeBytes: optional(bytes),
      hostMemoryBandwidth: bandwidth,
    }),
  ),
});
export type ModelPlanRequest = z.output<typeof planRequestSchema>;

/**
 * A generation's request; what it leaves out of sampling, the model's own defaults say, then the schema's.
 * @throws as `parseRequest`
 */
export function generationRequest(
  input: object,
  defaultsOf: (model: string) => Readonly<Record<string, number>> | null,
): GenerationRequest {
  const { model, sampling } = input as { model?: unknown; sampling?: object | null };
  const defaults = typeof model === 'string' ? defaultsOf(model) : null;
  if (defaults === null || (sampling !== null && typeof sampling !== 'object' && sampling !== undefined))
    return parseRequest(generationRequestSchema, input);
  const given = Object.entries(sampling ?? {}).filter(([, value]) => value !== undefined);
  return parseRequest(generationRequestSchema, {
    ...input,
    sampling: { ...defaults, ...Object.fromEntries(given) },
  });
}

const TOLD_PROBLEMS = 50;
const TOLD_CHARACTERS = 200;

/** @throws INVALID_INPUT with the problems and their paths; the rejected values are not repeated */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  // Names of what is not known are the caller's own words, and may be of any length.
  const problems = result.error.issues.slice(0, TOLD_PROBLEMS).map(({ path, message }) => ({
    path: path.join('.').slice(0, TOLD_CHARACTERS),
    message: message.slice(0, TOLD_CHARACTERS),
  }));
  const sentence = problems
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ');
  throw new MixgateError('INVALID_INPUT', `${sentence}.`, { problems });
}
