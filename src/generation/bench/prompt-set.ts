import { z } from 'zod';
import { MixgateError } from '../../errors.ts';

const MOST_PROMPTS = 10_000;
/** Problems that the message names; all are in the error's data. */
const TOLD_PROBLEMS = 20;

const role = z
  .string()
  .transform((value) => value.toUpperCase())
  .pipe(z.enum(['SYSTEM', 'USER', 'ASSISTANT'], { error: 'must be system, user or assistant' }));

const messageSchema = z.strictObject({ role, content: z.string() });

/** Loosely after what others call it: `prompt` is a user's message. */
const lineSchema = z
  .strictObject({
    id: z.string().trim().min(1, 'must not be empty').max(200).optional(),
    prompt: z.string().min(1, 'must not be empty').optional(),
    messages: z.array(messageSchema).min(1, 'needs at least one message').optional(),
    maxTokens: z
      .number()
      .int()
      .min(1)
      .max(2 ** 24)
      .optional(),
    stop: z.array(z.string().min(1, 'must not be empty').max(1024)).max(64).default([]),
    language: z
      .string()
      .regex(/^[a-z]{2}$/, 'must be of ISO 639-1, such as ja')
      .optional(),
    tags: z.array(z.string().min(1, 'must not be empty').max(100)).max(32).default([]),
  })
  .refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), {
    error: 'needs exactly one of prompt and messages',
  })
  .refine(
    ({ messages = [] }) => messages.length === 0 || messages.some(({ content }) => content.trim() !== ''),
    {
      path: ['messages'],
      error: 'every message is empty: write something',
    },
  );

/** One prompt of a set. */
export interface BenchPrompt {
  readonly id: string;
  readonly messages: readonly z.output<typeof messageSchema>[];
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
  /** The one to answer in, ISO 639-1; null leaves it to what the prompt says. */
  readonly language: string | null;
  readonly tags: readonly string[];
}

interface Problem {
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

/**
 * Reads a set: JSON, an object a line; empty lines do not count.
 * @throws INVALID_INPUT with every problem and its line
 */
export function parsePromptSet(text: string, name: string): BenchPrompt[] {
  const problems: Problem[] = [];
  const prompts: BenchPrompt[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '') continue;
    const prompt = promptOf(line, index + 1, problems);
    if (prompt === null) continue;
    const before = lineOf.get(prompt.id);
    if (before !== undefined)
      problems.push({ line: index + 1, path: 'id', message: `is that of line ${before}, too` });
    lineOf.set(prompt.id, index + 1);
    prompts.push(prompt);
  }
  if (problems.length > 0) throw refused(name, problems);
  if (prompts.length === 0) throw new MixgateError('INVALID_INPUT', `${name} has no prompts.`);
  if (prompts.length > MOST_PROMPTS)
    throw new MixgateError(
      'INVALID_INPUT',
      `${name} has ${prompts.length} prompts: at most ${MOST_PROMPTS}.`,
    );
  return prompts;
}

/** Null where something is wrong with it, which is then among the problems. */
function promptOf(text: string, line: number, problems: Problem[]): BenchPrompt | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    problems.push({ line, path: '', message: 'is no JSON' });
    return null;
  }
  const result = lineSchema.safeParse(value);
  if (!result.success) {
    for (const { path, message } of result.error.issues)
      problems.push({ line, path: path.join('.'), message });
    return null;
  }
  const { id, prompt, messages, maxTokens, stop, language, tags } = result.data;
  return {
    id: id ?? `line-${line}`,
    messages: messages ?? [{ role: 'USER', content: prompt! }],
    maxTokens: maxTokens ?? null,
    stop,
    language: language ?? null,
    tags,
  };
}

function refused(name: string, problems: readonly Problem[]): MixgateError {
  const told = problems
    .slice(0, TOLD_PROBLEMS)
    .map(({ line, path, message }) => `line ${line}: ${path === '' ? '' : `${path} `}${message}`);
  const rest = problems.length - told.length;
  const more = rest === 0 ? '' : `; and ${rest} more`;
  return new MixgateError('INVALID_INPUT', `${name}: ${told.join('; ')}${more}.`, { problems });
}
