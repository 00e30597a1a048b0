import { DataTable } from '../parts/data-table.tsx';
import { useSpeech } from '../text/language.tsx';
import type { CrashLoopView } from './documents.ts';

/** Models whose runtime dies again and again here, and how it said goodbye. */
export function CrashLoops({ loops }: { readonly loops: readonly CrashLoopView[] }) {
  const { texts, formats } = useSpeech();
  return (
    <DataTable
      label={texts.devices.crashLoops}
      rows={loops}
      keyOf={({ variant }) => variant.id}
      columns={[
        { title: texts.devices.model, cell: ({ variant }) => variant.id },
        { title: texts.devices.crashes, cell: ({ crashes }) => formats.count(crashes) },
        { title: texts.devices.retryAt, cell: ({ retryAt }) => formats.time(new Date(retryAt)) },
      ]}
      below={({ reason }) => <span lang="en">{reason}</span>}
    />
  );
}
