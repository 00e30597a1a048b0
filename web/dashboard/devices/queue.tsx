import { DataTable } from '../parts/data-table.tsx';
import { useSpeech } from '../text/language.tsx';
import type { WaitingView } from './documents.ts';

/** As much of an id as tells it from others at a glance. */
const SHORT = 8;

export function Queue({ waiting }: { readonly waiting: readonly WaitingView[] }) {
  const { texts, formats } = useSpeech();
  const whatOf = ({ generation, wantsSlot }: WaitingView) => {
    if (generation !== null)
      return (
        <>
          {texts.devices.generation} <code title={generation.id}>{generation.id.slice(0, SHORT)}</code>
        </>
      );
    return wantsSlot ? texts.devices.other : texts.devices.aLoad;
  };
  return (
    <DataTable
      label={texts.devices.queue}
      rows={waiting}
      keyOf={({ id }) => id}
      columns={[
        { title: texts.devices.waiting, cell: whatOf },
        { title: texts.devices.ahead, cell: ({ position }) => formats.count(position) },
        { title: texts.devices.priority, cell: ({ priority }) => formats.count(priority) },
        { title: texts.devices.waitsFor, cell: ({ variant }) => variant.id },
      ]}
    />
  );
}
