import type { VariablesOf } from 'gql.tada';
import { CARDS } from './cards.ts';
import type { FIT } from './documents.ts';

export const GIB = 2 ** 30;

export interface FitQuestion {
  readonly model: string;
  /** Name of a card; '' where the slider says how much memory there is. */
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
  const bandwidth = CARDS.find(({ name }) => name === card)?.bandwidth;
  return {
    model,
    ...(contextSize !== '' && { contextSize: Number(contextSize) }),
    hypotheticalDevice: {
      name: card === '' ? 'hypothetical' : card,
      kind: 'CUDA',
      memoryTotalBytes: memoryBytes,
      ...(bandwidth !== undefined && { memoryBandwidth: bandwidth * 1e9 }),
    },
  };
}
