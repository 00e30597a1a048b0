import type { VariablesOf } from 'gql.tada';
import { useClient } from 'urql';
import { useActing, type Outcome } from '../parts/outcome.tsx';
import { LOAD, PIN, UNLOAD, type ResidentView } from './documents.ts';

export interface Actions {
  readonly outcome: Outcome;
  readonly isWorking: boolean;
  readonly load: (request: VariablesOf<typeof LOAD>) => void;
  readonly pin: (resident: ResidentView, pinned: boolean) => void;
  readonly unload: (resident: ResidentView) => void;
}

export function useActions(): Actions {
  const client = useClient();
  const { outcome, isWorking, act } = useActing();
  return {
    outcome,
    isWorking,
    load: (request) =>
      void act(
        () => client.mutation(LOAD, request).toPromise(),
        ({ loadModel }) =>
          ({ devices }) =>
            devices.loaded(loadModel.variant.id),
      ),
    pin: ({ id, variant }, pinned) =>
      void act(
        () => client.mutation(PIN, { id, pinned }).toPromise(),
        () =>
          ({ devices }) =>
            (pinned ? devices.isPinned : devices.isUnpinned)(variant.id),
      ),
    unload: ({ id, variant }) =>
      void act(
        () => client.mutation(UNLOAD, { id }).toPromise(),
        () =>
          ({ devices }) =>
            devices.unloaded(variant.id),
      ),
  };
}
