import { existsSync } from 'node:fs';
import { MixgateError } from '../errors.ts';
import type { Services } from '../resolvers/services.ts';
import { subjectOf } from './subject.ts';

const SCHEDULES = ['auto', 'together', 'in-turn'];

/** As `LaneSchedule` of the schema. @throws INVALID_INPUT */
export function scheduleOf(name = 'auto'): string {
  if (!SCHEDULES.includes(name))
    throw new MixgateError('INVALID_INPUT', `--schedule: must be ${SCHEDULES.join(', ')}.`);
  return name.toUpperCase().replace('-', '_');
}

/** What a lane asks for, beside sampling. */
interface Place {
  readonly model: string;
  readonly quantization: string | null;
  readonly backend?: string | null;
  readonly device?: string | null;
}

const MAX_LABEL = 200;

/** Lanes as the command line names them, labelled so. @throws as `subjectOf` */
export async function lanesOf(names: readonly string[], more: object, services: Services) {
  const lanes = [];
  for (const name of names)
    lanes.push({ ...(await placeOf(name, services)), ...more, label: name.slice(0, MAX_LABEL) });
  return lanes;
}

/** `MODEL[:QUANT][@DEVICE_OR_BACKEND]`; a model may be a GGUF file. */
async function placeOf(lane: string, { catalog, machine }: Services): Promise<Place> {
  const at = existsSync(lane) ? -1 : lane.lastIndexOf('@');
  const [name, place] = at === -1 ? [lane, null] : [lane.slice(0, at), lane.slice(at + 1)];
  const isBackend = machine.backends.some(({ id }) => id === place);
  const where = isBackend ? { backend: place } : { device: place };
  const colon = existsSync(name) ? -1 : name.lastIndexOf(':');
  if (colon !== -1) return { ...where, model: name.slice(0, colon), quantization: name.slice(colon + 1) };
  return { ...where, ...(await subjectOf([name], catalog)) };
}
