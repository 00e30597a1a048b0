import { useState } from 'react';
import { useClient, type AnyVariables, type TypedDocumentNode } from 'urql';
import { problemOf, type Problem } from './problem.ts';

export interface Action<Data, Variables> {
  readonly isBusy: boolean;
  /** Of the newest try; null when it went well. */
  readonly problem: Problem | null;
  /** Null when it did not go well. */
  readonly run: (variables: Variables) => Promise<Data | null>;
}

/** A mutation that a person asks for, and what became of it. */
export function useAction<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
): Action<Data, Variables> {
  const client = useClient();
  const [state, setState] = useState<{ isBusy: boolean; problem: Problem | null }>({
    isBusy: false,
    problem: null,
  });
  const run = async (variables: Variables): Promise<Data | null> => {
    setState({ isBusy: true, problem: null });
    const { data, error } = await client.mutation(document, variables).toPromise();
    setState({ isBusy: false, problem: error ? problemOf(error) : null });
    return error ? null : (data ?? null);
  };
  return { ...state, run };
}
