import { useClient } from 'urql';
import type { Acting } from '../parts/outcome.tsx';
import { CANCEL_PULL, START_PULL } from './documents.ts';

export interface Pulling {
  readonly isWorking: boolean;
  /** A pull of the same source that failed goes on where it was. `sha256` of a single file, or ''. */
  readonly start: (source: string, sha256?: string) => void;
  /** Throws away what was fetched, of one that failed too. */
  readonly cancel: (id: string) => void;
}

export function usePulling({ act, isWorking }: Acting): Pulling {
  const client = useClient();
  return {
    isWorking,
    start: (source, sha256 = '') =>
      void act(
        () => client.mutation(START_PULL, { source, ...(sha256 !== '' && { sha256 }) }).toPromise(),
        ({ startModelPull }) =>
          ({ models }) =>
            models.pullStarted(startModelPull.source),
      ),
    cancel: (id) =>
      void act(
        () => client.mutation(CANCEL_PULL, { id }).toPromise(),
        ({ cancelModelPull }) =>
          ({ models }) =>
            models.pullCancelled(cancelModelPull.source),
      ),
  };
}
