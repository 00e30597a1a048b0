import type { VariablesOf } from 'gql.tada';
import { CARDS } from './cards.ts';
import type { FIT } from './documents.ts';

export const GIB = 2 ** 30;
/** Instead of a card: the devices that are here, with what is free of them now. */
export const THIS_MACHINE = 'this machine';

export interface FitQuestion {
  readonly model: string;
  /** Name of a card, or THIS_MACHINE; '' where the slider says how much memory there is. */
  readonly card: string;
  readonly memoryBytes: number;
  /** As typed; '' is the gateway's default. */
  readonly contextSize: string;
}

const FIRST_CARD = CARDS.find(({ gib }) => gib === 16)!;

export const FIRST_QUESTION: FitQuestion = {
  model: '',
  card: FIRST_CARD.name,
  memoryBytes: FIRST_CARD.gib * GIB,
  contextSize: '',
};

/** Only of a card is the bandwidth known, and with it the speed. */
export function fitInput({
  model,
  card,
  memoryBytes,
  contextSize,
}: FitQuestion): VariablesOf<typeof FIT>['input'] {
  const subject = { model, ...(contextSize !== '' && { contextSize: Number(contextSize) }) };
  if (card === THIS_MACHINE) return subject;
  const bandwidth = CARDS.find(({ name }) => name === card)?.bandwidth;
  return {
    ...subject,
    hypotheticalDevice: {
      name: card === '' ? 'hypothetical' : card,
      kind: 'CUDA',
      memoryTotalBytes: memoryBytes,
      ...(bandwidth !== undefined && { memoryBandwidth: bandwidth * 1e9 }),
    },
  };
}
