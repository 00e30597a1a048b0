import type { Connection } from '../api/client.ts';
import { CompareForm } from './compare-form.tsx';
import { Result } from './result.tsx';

export interface CompareProps {
  readonly connection: Connection;
  /** Null where nothing has been started yet. */
  readonly id: string | null;
}

export default function Compare({ connection, id }: CompareProps) {
  return id === null ? <CompareForm /> : <Result key={id} connection={connection} id={id} />;
}
