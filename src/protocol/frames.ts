import { z } from 'zod';
import { isShallow } from './shallow.ts';

/**
 * The frames that the gateway and a runtime exchange, whatever channel carries them. PROTOCOL.md says who
 * sends what when. Every exchange has an `id` chosen by the gateway; every report repeats the id it answers.
 */

const id = z.string().min(1).max(128);
const bytes = z.number().int().nonnegative();
const count = z.number().int().nonnegative();
const ms = z.number().nonnegative();
const shortText = z.string().max(200);

const prompt = z.union([
  z.object({ text: z.string() }),
  z.object({
    messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
  }),
]);

const sampling = z.object({
  temperature: z.number(),
  topK: z.number(),
  topP: z.number(),
  minP: z.number(),
  repeatPenalty: z.number(),
  repeatLastN: z.number(),
  presencePenalty: z.number(),
  frequencyPenalty: z.number(),
  seed: z.number(),
});

export const commandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('describe'), id }),
  z.object({
    type: z.literal('load'),
    id,
    path: z.string(),
    /** Where a runtime on another machine, or in a browser, gets the weights; null: it opens the path. */
    files: z.array(z.object({ url: z.string(), sizeBytes: bytes, sha256: z.string().optional() })).nullable(),
    /** To a browser: which of the devices that it reported is meant. */
    deviceIndex: count.optional(),
    /** To a browser, for weights in MLC's format: what web-llm is to load; `files` are all that it will ask for. */
    mlc: z
      .object({
        /** Address of the folder, ending in `/resolve/main/`. */
        model: z.string(),
        library: z.string(),
        /** How the library is to be called: with TVM's packed functions, or its FFI. */
        interface: z.enum(['PACKED', 'FFI']),
      })
      .optional(),
    /** Jinja, instead of the one that the weights carry; null: that one. */
    chatTemplate: z.string().nullable(),
    gpuLayers: count,
    contextSize: count,
    slots: count,
    batchSize: count,
    kvCacheType: z.enum(['F16', 'Q8_0', 'Q4_0']),
    /** Device bytes the load may take; checked before anything is allocated. Null: not checked. */
    budgetBytes: bytes.nullable(),
  }),
  z.object({
    type: z.literal('start'),
    id,
    /** The id of the load. */
    resident: id,
    prompt,
    sampling,
    /** Tokens of prompt and answer together, at most what was loaded. */
    contextSize: count,
    maxTokens: count.nullable(),
    stop: z.array(z.string()),
    jsonSchema: z.unknown().refine(isShallow).nullable(),
    /** W3C Trace Context of what this is for; left out where nothing is traced. */
    traceparent: z.string().max(200).optional(),
  }),
  z.object({
    type: z.literal('score'),
    id,
    /** The id of the load. */
    resident: id,
    /** Running text, cut into windows; or documents, a window each, of which only some parts are scored. */
    text: z.union([
      z.object({ text: z.string() }),
      z.object({ documents: z.array(z.array(z.object({ text: z.string(), isScored: z.boolean() }))) }),
    ]),
    /** Tokens of a window, at most what was loaded. */
    contextSize: count.min(2),
    /** Only the first windows; null: all. */
    maxWindows: count.min(1).nullable(),
    /** File of the reference's distributions: written by the reference, read by the others; null: perplexity only. */
    reference: z.object({ path: z.string(), mode: z.enum(['WRITE', 'READ']), maxBytes: bytes }).nullable(),
  }),
  z.object({
    type: z.literal('predict'),
    id,
    /** The id of the load. */
    resident: id,
    prompt,
    /** What the answer begins with, tokens of the vocabulary. */
    tokens: z.array(count),
    /** Tokens of prompt and answer together, at most what was loaded. */
    contextSize: count,
    /** How many of the most likely next tokens are asked for. */
    count: count.min(1).max(100),
    /** Tokens that are asked for however likely they are. */
    always: z.array(count).max(100),
  }),
  z.object({ type: z.literal('cancel'), id }),
  z.object({ type: z.literal('unload'), resident: id.nullable() }),
  z.object({ type: z.literal('threads'), count: count.min(1) }),
]);

const stage = z.object({ ms, count });
const error = z.object({
  code: z.string(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()).refine(isShallow).optional(),
});

export const reportSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('device'),
    id,
    runtimeVersion: z.string(),
    /** Cores worth computing on, as the runtime counts them. */
    mathCores: count,
    devices: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(['CUDA', 'METAL', 'VULKAN', 'CPU', 'WEBGPU']),
        /** Devices that the entry sums up. */
        count: count.min(1),
        memoryTotalBytes: bytes,
        memoryFreeBytes: bytes,
        /** How the memory figures are known; measured where left out. */
        memorySource: z.enum(['MEASURED', 'DECLARED', 'PROBED', 'ESTIMATED']).optional(),
        /** What its engines can run on this device; all that the backend can where left out. */
        formats: z.array(z.enum(['GGUF', 'MLC'])).optional(),
        /** A browser's GPU, as WebGPU tells of it. */
        webGpu: z
          .object({
            vendor: shortText,
            architecture: shortText,
            isFallbackAdapter: z.boolean(),
            features: z.array(shortText).max(200),
            maxBufferBytes: bytes,
            maxStorageBufferBindingBytes: bytes,
          })
          .optional(),
      }),
    ),
  }),
  z.object({ type: z.literal('progress'), id, fraction: z.number().min(0).max(1) }),
  z.object({
    type: z.literal('loaded'),
    id,
    contextSize: count,
    slots: count,
    /** Device bytes that the runtime said, before it allocated any, it would; null where it cannot say. */
    verifiedBytes: bytes.nullable(),
    /** Device bytes that the load took, measured; null where the runtime cannot tell. */
    measuredBytes: bytes.nullable(),
  }),
  z.object({
    type: z.literal('part'),
    id,
    text: z.string(),
    tokens: count,
    /** Which tokens of the vocabulary they are, `tokens` of them; left out where the runtime does not tell. */
    tokenIds: z.array(count).optional(),
  }),
  z.object({
    type: z.literal('end'),
    id,
    reason: z.enum(['END_OF_TEXT', 'MAX_TOKENS', 'STOP_SEQUENCE', 'CONTEXT_FULL', 'CANCELLED']),
    usage: z.object({ promptTokens: count, cachedPromptTokens: count, completionTokens: count }),
    timings: z.object({ sample: stage.nullable(), promptEval: stage, eval: stage }),
    /** What the model on the host takes by now, measured; left out where that cannot be told. */
    memoryBytes: bytes.optional(),
  }),
  z.object({
    type: z.literal('scored'),
    id,
    reason: z.enum(['COMPLETED', 'CANCELLED']),
    /** Tokens scored. */
    tokens: count,
    /** Means over the tokens, nats; null where no token was scored, or without a reference. */
    negativeLogLikelihood: z.number().nullable(),
    klDivergence: z.number().nullable(),
    /** Share of the tokens, 0 to 1. */
    sameTopToken: z.number().min(0).max(1).nullable(),
  }),
  z.object({
    type: z.literal('predicted'),
    id,
    reason: z.enum(['COMPLETED', 'CANCELLED']),
    /** Most likely first; none where it was cancelled. */
    candidates: z
      .array(z.object({ token: count, text: shortText, probability: z.number().min(0).max(1) }))
      .max(200),
  }),
  z.object({ type: z.literal('error'), id, error }),
  /** What a load has loaded is gone, as when a browser's GPU was lost; `id` is the load's. */
  z.object({ type: z.literal('lost'), id, error }),
]);

/** Gateway to runtime. */
export type Command = z.infer<typeof commandSchema>;
/** Runtime to gateway. */
export type Report = z.infer<typeof reportSchema>;

export type CommandOf<Type extends Command['type']> = Extract<Command, { type: Type }>;
export type ReportOf<Type extends Report['type']> = Extract<Report, { type: Type }>;
