import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { MixgateError, messageOf } from '../errors.ts';
import { parseRequest, samplingDefaultsSchema } from './request.ts';

const MAX_BYTES = 2 ** 20;
const sha256 = z.string().regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits');

const entrySchema = z
  .strictObject({
    source: z
      .string()
      .min(1)
      .optional()
      .describe(
        'hf:owner/repo[@revision][:QUANT], https://… or file:… (relative to the manifest). Pulled where it is not here.',
      ),
    id: z
      .string()
      .min(1)
      .optional()
      .describe('Id of a model that is here already, where there is no source.'),
    sha256: z
      .union([sha256, z.record(z.string(), sha256)])
      .optional()
      .describe('SHA-256 of the one file, or by file name, instead of what the source says.'),
    sampling: samplingDefaultsSchema
      .optional()
      .describe('Defaults for requests that leave sampling out; names and ranges as in SamplingInput.'),
    chatTemplate: z
      .string()
      .min(1)
      .max(200_000)
      .optional()
      .describe('Chat template in Jinja, instead of the one that the weights carry.'),
    pin: z
      .union([
        z.boolean(),
        z.strictObject({
          quantization: z.string().min(1).optional(),
          device: z.string().min(1).optional(),
          gpuLayers: z.number().int().min(0).max(10_000).optional(),
          contextSize: z.number().int().min(1).optional(),
          slots: z.number().int().min(1).max(64).optional(),
        }),
      ])
      .optional()
      .describe('Keep it loaded, so, and never evict it. true: as the planner would have it.'),
  })
  .refine(
    ({ source, id }) => (source === undefined) !== (id === undefined),
    'needs exactly one of source and id',
  );

export const manifestSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(1),
    models: z.array(entrySchema).min(1).max(1000),
  })
  .describe('Models for mixgate: where they come from, and how they are used.');

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestEntry = Manifest['models'][number];

/** docs/manifest.schema.json: what editors and other programs check a manifest with. */
export function manifestJsonSchema(): string {
  const schema = z.toJSONSchema(manifestSchema, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify({ title: 'mixgate manifest', ...schema }, null, 2)}\n`;
}

/** JSON or YAML. @throws INVALID_INPUT with every problem */
export function parseManifest(text: string, name: string): Manifest {
  if (Buffer.byteLength(text) > MAX_BYTES) throw invalid(name, `is longer than ${MAX_BYTES} bytes.`);
  let content: unknown;
  try {
    // Few aliases: a small file may not unfold into a large one.
    content = parseYaml(text, { maxAliasCount: 10, logLevel: 'error' });
  } catch (error) {
    throw invalid(name, `is neither YAML nor JSON: ${messageOf(error)}`);
  }
  try {
    return parseRequest(manifestSchema, content);
  } catch (error) {
    throw invalid(name, messageOf(error), error instanceof MixgateError ? error.data : {});
  }
}

const invalid = (name: string, problem: string, data: Readonly<Record<string, unknown>> = {}): MixgateError =>
  new MixgateError('INVALID_INPUT', `The manifest ${name}: ${problem}`, data);
