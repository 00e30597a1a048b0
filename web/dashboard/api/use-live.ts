import { useEffect, useState } from 'react';
import { useClient, type AnyVariables, type CombinedError, type TypedDocumentNode } from 'urql';
import { onEnd, pipe, subscribe } from 'wonka';

/** Where the gateway is not reached, or has ended the subscription. */
const RETRY_MS = 2000;

export interface Live<Data> {
  /** What was told last; it stays while the gateway cannot be reached. */
  readonly data: Data | null;
  /** Null once something has been told again. */
  readonly error: CombinedError | null;
}

/** What a subscription tells, which begins with how things stand: so it is simply asked for anew when the way is lost. */
export function useLive<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Live<Data> {
  const client = useClient();
  const key = JSON.stringify(variables);
  const [live, setLive] = useState<Live<Data>>({ data: null, error: null });

  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let end = (): void => undefined;
    const begin = (): void => {
      const subscription = pipe(
        client.subscription(document, JSON.parse(key) as Variables),
        onEnd(() => {
          if (!isOver) timer = setTimeout(begin, RETRY_MS);
        }),
        subscribe(({ data, error }) => {
          if (!isOver) setLive((before) => ({ data: data ?? before.data, error: error ?? null }));
        }),
      );
      end = () => subscription.unsubscribe();
    };
    begin();
    return () => {
      isOver = true;
      clearTimeout(timer);
      end();
    };
  }, [client, document, key]);

  return live;
}
