import { usePolled } from '../api/use-polled.ts';
import { useSpeech } from '../text/language.tsx';
import { STATUS } from './documents.ts';

const POLL_MS = 5000;

/** Whether anything is kept, how much, and what is wrong with it. */
export function StatusLine() {
  const { texts, formats } = useSpeech();
  const { data } = usePolled(STATUS, POLL_MS);
  if (data === null) return null;
  const { isOn, problem, pending, lost, usage } = data.history;
  if (!isOn) return <p className="notice">{texts.history.off}</p>;
  const { count } = formats;
  return (
    <>
      {problem !== null && (
        <div className="problem" role="alert">
          <strong>{texts.history.unavailable}</strong>
          <p lang="en">{problem}</p>
        </div>
      )}
      <p className="quiet">
        {usage !== null &&
          texts.history.usage(
            count(usage.generations),
            count(usage.comparisons),
            count(usage.evaluations),
            formats.bytes(usage.bytes),
          )}{' '}
        {pending > 0 && texts.history.pending(count(pending))} {lost > 0 && texts.history.lost(count(lost))}
      </p>
    </>
  );
}
