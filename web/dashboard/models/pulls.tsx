import { useId } from 'react';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import type { PullView } from './documents.ts';
import type { Pulling } from './use-pulling.ts';

/** Of those that ended well, or as somebody wanted. What failed stays until it is tried again or thrown away. */
const ENDED_SHOWN = 5;
const ENDED: ReadonlySet<PullView['state']> = new Set(['COMPLETED', 'CANCELLED']);

export const isUnderWay = ({ state }: PullView): boolean => state !== 'FAILED' && !ENDED.has(state);

export interface PullsProps {
  readonly pulls: readonly PullView[];
  readonly pulling: Pulling;
}

export function Pulls({ pulls, pulling }: PullsProps) {
  const { texts } = useSpeech();
  const title = useId();
  if (pulls.length === 0) return null;
  const ended = pulls.filter(({ state }) => ENDED.has(state)).slice(0, ENDED_SHOWN);
  const shown = pulls.filter((pull) => !ENDED.has(pull.state) || ended.includes(pull));
  return (
    <section className="card" aria-labelledby={title}>
      <h2 id={title}>{texts.models.pulls}</h2>
      <ul className="pulls">
        {shown.map((pull) => (
          <Pull key={pull.id} pull={pull} pulling={pulling} />
        ))}
      </ul>
    </section>
  );
}

function Pull({ pull, pulling }: { readonly pull: PullView; readonly pulling: Pulling }) {
  const { texts } = useSpeech();
  const { source, state, error, reasons } = pull;
  return (
    <li data-state={state}>
      <p>
        <strong className="address">{source}</strong>{' '}
        <span className="badge">{texts.models.states[state]}</span>
      </p>
      {!ENDED.has(state) && <Progress pull={pull} />}
      {reasons.length > 0 && (
        <ul className="reasons" lang="en">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {error !== null && <ProblemBox problem={error} />}
      <Buttons pull={pull} pulling={pulling} />
    </li>
  );
}

function Progress({ pull }: { readonly pull: PullView }) {
  const { texts, formats } = useSpeech();
  const { source, state, receivedBytes, verifiedBytes, totalBytes, bytesPerSecond, secondsLeft } = pull;
  const done = state === 'VERIFYING' ? verifiedBytes : receivedBytes;
  const figures = [
    totalBytes === null
      ? formats.bytes(done)
      : texts.models.bytesOf(formats.bytes(done), formats.bytes(totalBytes)),
    ...(bytesPerSecond === null ? [] : [`${formats.bytes(bytesPerSecond)}/s`]),
    ...(secondsLeft === null ? [] : [texts.models.left(formats.count(Math.ceil(secondsLeft)))]),
  ];
  return (
    <>
      {/* Without a value it says that it is not known how much is to come. */}
      <progress aria-label={source} max={totalBytes ?? 1} {...(totalBytes !== null && { value: done })} />
      <p className="quiet">{figures.join(' · ')}</p>
    </>
  );
}

function Buttons({
  pull: { id, source, state },
  pulling,
}: {
  readonly pull: PullView;
  readonly pulling: Pulling;
}) {
  const { texts } = useSpeech();
  const mayManage = useMay('ADMIN');
  if (ENDED.has(state) || !mayManage) return null;
  const hasFailed = state === 'FAILED';
  return (
    <div className="buttons">
      {hasFailed && (
        <button
          type="button"
          aria-label={texts.models.retryOf(source)}
          disabled={pulling.isWorking}
          onClick={() => {
            pulling.start(source);
          }}
        >
          {texts.models.retry}
        </button>
      )}
      <button
        type="button"
        className="secondary"
        aria-label={(hasFailed ? texts.models.discardOf : texts.models.cancelOf)(source)}
        disabled={pulling.isWorking}
        onClick={() => {
          pulling.cancel(id);
        }}
      >
        {hasFailed ? texts.models.discard : texts.models.cancel}
      </button>
    </div>
  );
}
