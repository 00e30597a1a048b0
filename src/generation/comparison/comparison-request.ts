import { z } from 'zod';
import { asMixgateError, MixgateError } from '../../errors.ts';
import { drawSeed } from '../seed.ts';
import { generationRequest, parseRequest, type GenerationRequest } from '../request.ts';

const LEAST_LANES = 2;
export const MOST_LANES = 8;

/** What lanes have in common, and how they run. A lane's own fields are checked as those of a generation. */
const comparisonSchema = z.object({
  lanes: z
    .array(z.looseObject({ model: z.string(), label: z.string().trim().min(1).max(200).nullish() }))
    .max(MOST_LANES, `may have at most ${MOST_LANES} lanes`),
  schedule: z
    .enum(['AUTO', 'TOGETHER', 'IN_TURN'])
    .nullish()
    .transform((value) => value ?? 'AUTO'),
  blind: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  onDisconnect: z
    .enum(['CANCEL', 'CONTINUE'])
    .nullish()
    .transform((value) => value ?? 'CANCEL'),
});

export type LaneSchedule = z.output<typeof comparisonSchema>['schedule'];

export interface LaneRequest {
  readonly label: string;
  readonly generation: GenerationRequest;
}

/** One prompt and its lanes. All lanes draw with the same seed. */
export interface ComparisonRequest extends Omit<z.output<typeof comparisonSchema>, 'lanes'> {
  readonly lanes: readonly LaneRequest[];
}

/** What a model's own settings say of sampling. */
export type SamplingDefaults = (model: string) => Readonly<Record<string, number>> | null;

/** @throws INVALID_INPUT with every problem and its path */
export function comparisonRequest(
  input: object,
  defaultsOf: SamplingDefaults,
  leastLanes = LEAST_LANES,
): ComparisonRequest {
  const schema = comparisonSchema.refine(({ lanes }) => lanes.length >= leastLanes, {
    path: ['lanes'],
    error: `needs at least ${leastLanes} lanes`,
  });
  const { lanes, ...common } = parseRequest(schema, input);
  const { prompt, sampling, maxTokens } = input as Record<string, unknown>;
  const drawn = drawSeed();
  return {
    ...common,
    lanes: lanes.map(({ label, ...place }, index) => {
      const given = { ...place, prompt, sampling, maxTokens, onDisconnect: 'CONTINUE' };
      const request = ofLane(index, () => generationRequest(given, defaultsOf));
      const seeded = { ...request.sampling, seed: request.sampling.seed ?? drawn };
      return { label: label ?? nameOf(request), generation: { ...request, sampling: seeded } };
    }),
  };
}

/** `mixtral:Q4_K_M@llama-cpp:gpu0`, with what was asked for. */
function nameOf({ model, quantization, device, backend }: GenerationRequest): string {
  const variant = quantization === null ? model : `${model}:${quantization}`;
  const place = device ?? backend;
  return place === null ? variant : `${variant}@${place}`;
}

/** What goes wrong names the lane. */
export function ofLane<Value>(index: number, run: () => Value): Value {
  try {
    return run();
  } catch (error) {
    const { code, message, data } = asMixgateError(error);
    throw new MixgateError(code, `Lane ${index}: ${message}`, { ...data, lane: index }, { cause: error });
  }
}
