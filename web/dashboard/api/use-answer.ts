import { useEffect, useState } from 'react';
import { useClient, type AnyVariables, type CombinedError, type TypedDocumentNode } from 'urql';

export interface Answer<Data> {
  /** The newest answer; it stays while the next one is on its way. */
  readonly data: Data | null;
  readonly error: CombinedError | null;
  readonly isStale: boolean;
}

/** Asks once `variables` have not changed for `quietMs`: a slider that is dragged asks where it stops. Null asks nothing. */
export function useAnswer<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables | null,
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
    if (key === 'null') return undefined;
    let isOver = false;
    const timer = setTimeout(() => {
      void client
        .query(document, JSON.parse(key) as Variables)
        .toPromise()
        .then(({ data, error }) => {
          if (!isOver) setAnswer({ data: data ?? null, error: error ?? null, key });
        });
    }, quietMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [client, document, key, quietMs]);

  return { data: answer.data, error: answer.error, isStale: answer.key !== key };
}
