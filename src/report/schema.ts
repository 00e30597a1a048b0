import { z } from 'zod';

/**
 * What a report holds: docs/report.schema.json is made of it. Its version changes when a field changes its meaning or
 * goes; what is unknown is null.
 */

const REPORT_VERSION = 1;

const count = z.number().int().min(0);
const text = z.string().nullable();
const figure = z.number().nullable();

const scheduleSchema = z.object({
  taken: z.enum(['TOGETHER', 'IN_TURN']),
  reasons: z.array(z.string()),
  comparisons: count.describe('How many ran so.'),
});

const spreadSchema = z
  .object({
    n: count,
    median: z.number(),
    q1: z.number(),
    q3: z.number(),
    min: z.number(),
    max: z.number(),
  })
  .nullable()
  .describe("Null where no run tells. Quartiles are R's type 7, its default.");

const figuresOf = <Schema extends z.ZodType>(schema: Schema) => ({
  promptTokensPerSecond: schema,
  evalTokensPerSecond: schema,
  firstTokenMs: schema,
  loadMs: schema,
  memoryBytes: schema,
  joulesPerToken: schema,
  consistency: schema,
  commonPrefixChars: schema,
});

const summarySchema = z.object({
  completed: count,
  failed: count,
  cancelled: count,
  failures: z.array(z.object({ code: z.string(), message: z.string(), count })),
  spreads: z.object(figuresOf(spreadSchema)).describe('Of the completed runs; loads of warm-ups, too.'),
  ratios: z
    .object(figuresOf(figure))
    .describe("Median over lane 0's median, of the runs that tell of both; lane 0's own is 1."),
  driftShare: figure.describe('Share of the answers that left the expected language for a run of words.'),
  sameTextShare: figure.describe("Share of the answers that are lane 0's, character for character."),
});

const laneSchema = z.object({
  label: z.string(),
  model: z.string(),
  quantization: text.describe('As asked for; the plan has the one that ran.'),
  backend: text,
  device: text,
  gpuLayers: figure.describe('As asked for.'),
  sampling: z.record(z.string(), figure),
  plan: z
    .object({
      variantId: z.string(),
      quantization: z.string(),
      backend: z.string(),
      deviceId: z.string(),
      deviceName: z.string(),
      deviceKind: z.string(),
      gpuLayers: count,
      totalLayers: count,
      cpuExpertLayers: count,
      contextSize: count,
      kvCacheType: z.string(),
      memoryBytes: count.describe('Planned.'),
    })
    .nullable()
    .describe('The one that ran last.'),
  summary: summarySchema,
});

const promptSchema = z.object({
  id: z.string(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })).describe('Empty for raw text.'),
  text: text.describe('Without chat template.'),
  language: text.describe('The one to answer in, ISO 639-1, where the set says so.'),
  tags: z.array(z.string()),
  lanes: z.array(summarySchema),
});

const runSchema = z.object({
  prompt: z.string().describe('Its id.'),
  repetition: count.describe('From 0.'),
  lane: count,
  state: z.enum(['COMPLETED', 'FAILED', 'CANCELLED']),
  finishReason: text,
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  seed: count,
  promptTokens: count,
  cachedPromptTokens: count,
  completionTokens: count,
  ...figuresOf(figure),
  firstTokenMs: figure.describe(
    'From its slot to its first token: queue and load are left out. As promptTokensPerSecond null where a cache had half of the prompt or more.',
  ),
  loadMs: figure.describe('Null where the model was loaded already.'),
  memoryBytes: figure.describe('Measured, of the model that answered.'),
  consistency: figure.describe(
    "Share of the answer's letters in the scripts of the expected language, 0 to 1.",
  ),
  commonPrefixChars: figure.describe("Length of the beginning shared with lane 0's answer, UTF-16 units."),
  firstDifferentToken: figure,
  hasDrifted: z.boolean().nullable(),
  isSameText: z.boolean().nullable(),
  expectedLanguage: text,
  answerLanguage: text,
  driftOffset: figure.describe('UTF-16 units.'),
  foreign: z
    .array(z.object({ offset: count, length: count, language: text }))
    .describe('What is in other languages, UTF-16 units.'),
  text: z.string(),
});

/** Everything but the runs, of which there may be more than memory holds. */
const headSchema = z.object({
  format: z.literal('mixgate-report'),
  version: z.literal(REPORT_VERSION),
  kind: z.enum(['BENCH', 'COMPARISON']),
  createdAt: z.iso.datetime(),
  command: text.describe('What makes it again; null where it was no command.'),
  incomplete: text.describe('Why it ended early; null for a whole one.'),
  machine: z.object({
    mixgate: z.string(),
    node: z.string(),
    platform: z.string(),
    backends: z.array(z.object({ id: z.string(), version: text })),
    devices: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        kind: z.string(),
        memoryTotalBytes: count,
        memoryFreeBytes: count,
      }),
    ),
  }),
  repetitions: count,
  warmUps: count.describe('Runs before, which are not counted.'),
  maxTokens: figure,
  schedules: z.array(scheduleSchema),
  lanes: z.array(laneSchema),
  prompts: z.array(promptSchema),
});

export const reportSchema = headSchema.extend({
  runs: z.array(runSchema).describe('In the order they ran.'),
});

export type Report = z.output<typeof reportSchema>;
export type ReportHead = Omit<Report, 'runs'>;
export type ReportLane = Report['lanes'][number];
export type ReportPrompt = Report['prompts'][number];
export type Run = Report['runs'][number];
/** In the order they ran; read once. */
export type Runs = AsyncIterable<Run> | Iterable<Run>;
export type Summary = z.output<typeof summarySchema>;
export type Figure = keyof Summary['spreads'];

/** What was reported on, without what is counted. */
export type LaneFacts = Omit<ReportLane, 'summary'>;
export type PromptFacts = Omit<ReportPrompt, 'lanes'>;
export type Machine = ReportHead['machine'];
export type RunSchedule = Report['schedules'][number];

export function reportJsonSchema(): string {
  const schema = z.toJSONSchema(reportSchema, { target: 'draft-2020-12', reused: 'ref' });
  return `${JSON.stringify({ title: 'mixgate report', ...schema }, null, 2)}\n`;
}
