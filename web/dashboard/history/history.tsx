import type { Session } from '../playground/session.ts';
import { GenerationPage } from './generation-page.tsx';
import { Overview } from './overview.tsx';

export interface HistoryProps {
  readonly session: Session;
  /** Of the generation that is looked at; null for the lists. */
  readonly id: string | null;
}

export default function History({ session, id }: HistoryProps) {
  return id === null ? <Overview /> : <GenerationPage key={id} session={session} id={id} />;
}
