import { Template } from '@huggingface/jinja';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { MixgateError, messageOf } from '../errors.ts';
import { parseSource } from '../models/pull/source.ts';
import { isTooDeep } from '../yaml-depth.ts';
import { parseRequest, samplingDefaultsSchema } from './request.ts';

/** A thousand models and more. Parsing YAML holds up the gateway: no more than that. */
export const MAX_MANIFEST_BYTES = 2 ** 18;

const sha256 = z
  .string('must be text: put it in quotes')
  .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits');

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
      .refine(compiles, 'is no Jinja template')
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
  .superRefine(({ source, sha256: hash }, context) => {
    const problem = source === undefined ? null : sourceProblem(source, typeof hash === 'string');
    if (problem !== null) context.addIssue({ code: 'custom', path: ['source'], message: problem });
  })
  .refine(
    ({ source, id }) => (source === undefined) !== (id === undefined),
    'needs exactly one of source and id',
  );

export const manifestSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(1),
    models: z.array(entrySchema).min(1).max(1000).refine(areDistinct, 'has a source or an id twice'),
  })
  .describe('Models for mixgate: where they come from, and how they are used.');

function compiles(template: string): boolean {
  try {
    return new Template(template) !== null;
  } catch {
    return false;
  }
}

/** Null where it can be pulled from, as far as its text tells. */
function sourceProblem(text: string, hasOneHash: boolean): string | null {
  try {
    const source = parseSource(text);
    const isSeveral = source.scheme === 'hf' && source.file === null;
    return hasOneHash && isSeveral ? 'has several files: give their hashes by name' : null;
  } catch (error) {
    return messageOf(error).replace(/^source: /, '');
  }
}

function areDistinct(entries: readonly { source?: string | undefined; id?: string | undefined }[]): boolean {
  const names = entries.map(({ source, id }) => source ?? id?.toLowerCase());
  return new Set(names).size === names.length;
}

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestEntry = Manifest['models'][number];

/** docs/manifest.schema.json: what editors and other programs check a manifest with. */
export function manifestJsonSchema(): string {
  const schema = z.toJSONSchema(manifestSchema, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify({ title: 'mixgate manifest', ...schema }, null, 2)}\n`;
}

/** JSON or YAML. @throws INVALID_INPUT with every problem */
export function parseManifest(text: string, name: string): Manifest {
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES)
    throw invalid(name, `is longer than ${MAX_MANIFEST_BYTES} bytes.`);
  if (isTooDeep(text)) throw invalid(name, 'nests too deep.');
  // Few aliases: a small file may not unfold into a large one.
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false });
  const [error] = document.errors;
  // What a file says that is no manifest is nobody's business: any file of this machine could be named.
  if (error !== undefined) throw invalid(name, `is neither YAML nor JSON (at character ${error.pos[0]}).`);
  const content = contentOf(document, name);
  const isManifest =
    typeof content === 'object' &&
    content !== null &&
    Object.keys(content).every((key) => ['$schema', 'version', 'models'].includes(key));
  if (!isManifest) throw invalid(name, 'is no manifest: it must hold version and models, and nothing else.');
  try {
    return parseRequest(manifestSchema, content);
  } catch (error) {
    throw invalid(name, messageOf(error), error instanceof MixgateError ? error.data : {});
  }
}

function contentOf(document: ReturnType<typeof parseDocument>, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 10 });
  } catch {
    throw invalid(name, 'unfolds into more than it holds.');
  }
}

const invalid = (name: string, problem: string, data: Readonly<Record<string, unknown>> = {}): MixgateError =>
  new MixgateError('INVALID_INPUT', `The manifest ${name}: ${problem}`, data);
