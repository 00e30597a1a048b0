import type { Choices } from './choices.ts';

/** Which weights and where, as a form holds it: what is empty, the gateway chooses. */
export interface Place {
  readonly model: string;
  readonly quantization: string;
  /** '', `backend <id>` or `device <id>`. */
  readonly place: string;
}

/** Null where nothing is typed. */
export const numberOf = (text: string): number | null => (text.trim() === '' ? null : Number(text));
const idOf = (place: string, kind: string): string | null =>
  place.startsWith(`${kind} `) ? place.slice(kind.length + 1) : null;

/** Null where the planner may choose any. */
export const backendOf = ({ place }: Place): string | null => idOf(place, 'backend');
export const deviceOf = ({ place }: Place): string | null => idOf(place, 'device');

/** What is not there any more is chosen no more; the first model stands for none. */
export function knownPlace<Kind extends Place>(chosen: Kind, { models, backends }: Choices): Kind {
  const model = models.find(({ id }) => id === chosen.model) ?? models[0];
  const places = backends
    .filter(({ available }) => available)
    .flatMap(({ id, devices }) => [`backend ${id}`, ...devices.map((device) => `device ${device.id}`)]);
  const isVariant = model?.variants.some(({ quantization }) => quantization === chosen.quantization);
  return {
    ...chosen,
    model: model?.id ?? '',
    quantization: isVariant === true ? chosen.quantization : '',
    place: places.includes(chosen.place) ? chosen.place : '',
  };
}
