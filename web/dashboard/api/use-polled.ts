import { useEffect, useState } from 'react';
import { useClient, type CombinedError, type TypedDocumentNode } from 'urql';

export interface Polled<Data> {
  /** The newest answer; it stays while the gateway cannot be reached. */
  readonly data: Data | null;
  /** Of the newest question; null when it was answered. */
  readonly error: CombinedError | null;
  /** Asks now, without waiting for the next turn. */
  readonly refresh: () => void;
}

/** Asks again `intervalMs` after each answer, as long as the page is visible. */
export function usePolled<Data>(
  document: TypedDocumentNode<Data, Record<string, never>>,
  intervalMs: number,
): Polled<Data> {
  const client = useClient();
  const [answer, setAnswer] = useState<{ data: Data | null; error: CombinedError | null }>({
    data: null,
    error: null,
  });
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      const { data, error } = await client.query(document, {}).toPromise();
      if (isOver) return;
      setAnswer((before) => ({ data: data ?? before.data, error: error ?? null }));
      if (!isHidden()) timer = setTimeout(() => void ask(), intervalMs);
    };
    const onVisibility = (): void => {
      clearTimeout(timer);
      if (!isHidden()) void ask();
    };
    globalThis.document.addEventListener('visibilitychange', onVisibility);
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
      globalThis.document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [client, document, intervalMs, turn]);

  return { ...answer, refresh: () => setTurn((before) => before + 1) };
}

const isHidden = (): boolean => globalThis.document.visibilityState === 'hidden';
