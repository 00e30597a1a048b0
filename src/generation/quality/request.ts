import { z } from 'zod';
import type { ScoreText } from '../../backends/backend.ts';
import { MixgateError } from '../../errors.ts';
import { parseRequest } from '../request.ts';

/** UTF-8 bytes; as large as what a request may carry. */
export const MAX_TEXT_BYTES = 4 * 2 ** 20;
/** Tokens of a window where none is given: llama-perplexity's own default. */
export const DEFAULT_WINDOW = 512;

const name = z.string().min(1, 'must not be empty').max(512);
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? null);

const schema = z.object({
  model: name,
  quantizations: z.array(name).min(1, 'needs at least one').max(64),
  reference: optional(name),
  text: z
    .string()
    .refine((text) => text.trim() !== '', 'must not be empty')
    .refine((text) => Buffer.byteLength(text) <= MAX_TEXT_BYTES, `must be at most ${MAX_TEXT_BYTES} bytes`),
  format: z
    .enum(['TEXT', 'DOCUMENTS'])
    .nullish()
    .transform((value) => value ?? 'TEXT'),
  contextSize: optional(
    z
      .number()
      .int()
      .min(8)
      .max(2 ** 24),
  ),
  maxWindows: optional(
    z
      .number()
      .int()
      .min(1)
      .max(2 ** 31 - 1),
  ),
  device: optional(name),
});

export interface QualityRequest extends Omit<z.output<typeof schema>, 'text' | 'format'> {
  readonly text: ScoreText;
}

/** @throws INVALID_INPUT with every problem and its path */
export function qualityRequest(input: unknown): QualityRequest {
  const { text, format, ...request } = parseRequest(schema, input);
  return { ...request, text: format === 'TEXT' ? { text } : { documents: documentsOf(text) } };
}

const documentSchema = z.union([
  z.strictObject({ text: z.string() }).transform(({ text }) => [{ text, isScored: true }]),
  z
    .strictObject({
      parts: z.array(z.strictObject({ text: z.string(), isScored: z.boolean().default(true) })).min(1),
    })
    .transform(({ parts }) => parts),
]);

/** A document a line; empty lines do not count. */
function documentsOf(text: string): z.output<typeof documentSchema>[] {
  return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [documentOf(line, index + 1)]));
}

function documentOf(line: string, number: number): z.output<typeof documentSchema> {
  const result = documentSchema.safeParse(parsed(line));
  if (result.success) return result.data;
  throw new MixgateError(
    'INVALID_INPUT',
    `text: line ${number} is no document: it must be {"text": "…"} or {"parts": [{"text": "…", "isScored": true}, …]} in JSON.`,
    { line: number },
  );
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}
