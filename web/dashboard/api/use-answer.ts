import { useEffect, useState } from 'react';
import { useClient, type AnyVariables, type CombinedError, type TypedDocumentNode } from 'urql';
import { mayPass, problemOf } from './problem.ts';

/** Where the gateway was not reached, or its database is away. */
const RETRY_MS = 2000;

export interface Answer<Data> {
  /** The newest answer; it stays while the next one is on its way. */
  readonly data: Data | null;
  readonly error: CombinedError | null;
  readonly isStale: boolean;
}

/** Asks once `variables` have not changed for `quietMs`: a slider that is dragged asks where it stops. */
export function useAnswer<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  quietMs = 0,
): Answer<Data> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [answer, setAnswer] = useState<{
    data: Data | null;
    error: CombinedError | null;
    key: string | null;
  }>({
    data: null,
    error: null,
    key: null,
  });

  useEffect(() => {
    let isOver = false;
    const ask = async (): Promise<void> => {
      const { data, error } = await client.query(document, JSON.parse(key) as Variables).toPromise();
      if (isOver) return;
      setAnswer({ data: data ?? null, error: error ?? null, key });
      if (error && mayPass(problemOf(error))) timer = setTimeout(() => void ask(), RETRY_MS);
    };
    let timer = setTimeout(() => void ask(), quietMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [client, document, key, quietMs]);

  return { data: answer.data, error: answer.error, isStale: answer.key !== key };
}
