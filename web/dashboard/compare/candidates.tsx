import { DataTable } from '../parts/data-table.tsx';
import { useSpeech } from '../text/language.tsx';
import type { LaneFacts } from './documents.ts';

type Candidates = NonNullable<NonNullable<LaneFacts['divergence']>['candidates']>;

interface Row {
  readonly token: number;
  readonly text: string;
  /** 0 to 1; null where the model did not have it among its likeliest, or cannot tell. */
  readonly own: number | null;
  readonly reference: number | null;
}

export interface CandidateTableProps {
  readonly candidates: Candidates;
  readonly label: string;
  /** What lane 0 is called. */
  readonly reference: string;
}

/** What both models held likely where the lane parts from lane 0. */
export function CandidateTable({ candidates, label, reference }: CandidateTableProps) {
  const { texts, formats } = useSpeech();
  const { compare } = texts;
  const percent = (probability: number | null): string =>
    probability === null ? '–' : `${formats.decimal(100 * probability)} %`;
  const chosenBy = ({ token }: Row): string =>
    [
      ...(token === candidates.ownToken ? [compare.thisLane] : []),
      ...(token === candidates.referenceToken ? [reference] : []),
    ].join(', ');
  return (
    <details className="candidates">
      <summary>{compare.candidates}</summary>
      <DataTable
        label={compare.candidatesOf(label)}
        rows={rowsOf(candidates)}
        keyOf={({ token }) => String(token)}
        columns={[
          { title: compare.token, cell: ({ text }) => <code>{JSON.stringify(text)}</code> },
          { title: compare.thisLane, cell: ({ own }) => percent(own) },
          { title: reference, cell: (row) => percent(row.reference) },
          { title: compare.chosenBy, cell: chosenBy },
        ]}
      />
    </details>
  );
}

/** Likeliest first, by the lane's own model. */
function rowsOf({ own, reference }: Candidates): Row[] {
  const rows = new Map<number, Row>();
  for (const { token, text, probability } of reference ?? [])
    rows.set(token, { token, text, own: null, reference: probability });
  for (const { token, text, probability } of own ?? [])
    rows.set(token, { token, text, own: probability, reference: rows.get(token)?.reference ?? null });
  return [...rows.values()].toSorted(
    (one, other) => (other.own ?? 0) - (one.own ?? 0) || (other.reference ?? 0) - (one.reference ?? 0),
  );
}
