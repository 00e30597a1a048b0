import { useEffect, useState } from 'react';

/** What the worker page says of itself; `stopped` until it says anything. */
export type Lending = 'connected' | 'reconnecting' | 'refused' | 'stopped';

const STATES: readonly unknown[] = ['connected', 'reconnecting', 'refused', 'stopped'] satisfies Lending[];

/** Told by the embedded worker page, web/worker/main.ts; by nobody of another origin. */
export function useLending(): Lending {
  const [lending, setLending] = useState<Lending>('stopped');
  useEffect(() => {
    const hear = ({ origin, data }: MessageEvent<unknown>): void => {
      if (origin !== location.origin || typeof data !== 'object' || data === null) return;
      if (!('type' in data) || data.type !== 'mixgate.lending' || !('lending' in data)) return;
      if (STATES.includes(data.lending)) setLending(data.lending as Lending);
    };
    addEventListener('message', hear);
    return () => removeEventListener('message', hear);
  }, []);
  return lending;
}
