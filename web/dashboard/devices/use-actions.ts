import { useState } from 'react';
import { useClient } from 'urql';
import { problemOf, type Problem } from '../api/problem.ts';
import type { VariablesOf } from 'gql.tada';
import { LOAD, UNLOAD, type DeviceView, type ResidentView } from './documents.ts';

export type LoadRequest = VariablesOf<typeof LOAD>;

export type Outcome =
  | { readonly type: 'idle' }
  | { readonly type: 'working' }
  | { readonly type: 'loaded' | 'unloaded'; readonly variant: string }
  | { readonly type: 'failed'; readonly problem: Problem };

export interface Actions {
  readonly outcome: Outcome;
  readonly load: (request: LoadRequest) => void;
  readonly pin: (resident: ResidentView, device: DeviceView) => void;
  readonly unload: (resident: ResidentView) => void;
}

/** One at a time: the buttons wait while one is under way. */
export function useActions(refresh: () => void): Actions {
  const client = useClient();
  const [outcome, setOutcome] = useState<Outcome>({ type: 'idle' });

  async function act(work: () => Promise<Outcome>): Promise<void> {
    setOutcome({ type: 'working' });
    setOutcome(await work());
    refresh();
  }
  const load = (request: LoadRequest): void =>
    void act(async () => {
      const { data, error } = await client.mutation(LOAD, request).toPromise();
      if (!data) return { type: 'failed', problem: problemOf(error!) };
      return { type: 'loaded', variant: data.loadModel.variant.id };
    });
  return {
    outcome,
    load,
    // The same again, pinned: what is loaded just so is taken, and nothing is loaded anew.
    pin: ({ variant, plan, slots }, device) => {
      load({
        model: variant.model.id,
        quantization: variant.quantization,
        device: device.id,
        contextSize: plan.contextSize,
        slots,
        pinned: true,
      });
    },
    unload: ({ id, variant }) =>
      void act(async () => {
        const { error } = await client.mutation(UNLOAD, { id }).toPromise();
        return error
          ? { type: 'failed', problem: problemOf(error) }
          : { type: 'unloaded', variant: variant.id };
      }),
  };
}
