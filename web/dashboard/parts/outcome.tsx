import { useState } from 'react';
import type { CombinedError } from 'urql';
import { problemOf, type Problem } from '../api/problem.ts';
import type { Formats } from '../text/formats.ts';
import type { Texts } from '../text/en.ts';
import { useSpeech } from '../text/language.tsx';
import { ProblemBox } from './problem-box.tsx';

type Say = (texts: Texts, formats: Formats) => string;

export type Outcome =
  | { readonly type: 'idle' }
  | { readonly type: 'working' }
  | { readonly type: 'done'; readonly say: Say }
  | { readonly type: 'failed'; readonly problem: Problem };

/** What the gateway answered. */
interface Reply<Data> {
  readonly data?: Data | undefined;
  readonly error?: CombinedError | undefined;
}

export interface Acting {
  readonly outcome: Outcome;
  readonly isWorking: boolean;
  /** Asks the gateway for something, and says what came of it. True where it went well. */
  readonly act: <Data>(ask: () => Promise<Reply<Data>>, say: (data: Data) => Say) => Promise<boolean>;
}

/** One at a time: buttons wait while something is under way. */
export function useActing(): Acting {
  const [outcome, setOutcome] = useState<Outcome>({ type: 'idle' });
  return {
    outcome,
    isWorking: outcome.type === 'working',
    async act(ask, say) {
      setOutcome({ type: 'working' });
      const { data, error } = await ask();
      const isDone = data !== undefined && data !== null;
      setOutcome(isDone ? { type: 'done', say: say(data) } : { type: 'failed', problem: problemOf(error!) });
      return isDone;
    },
  };
}

/** What came of the last thing that was asked for. */
export function OutcomeLine({ outcome }: { readonly outcome: Outcome }) {
  const { texts, formats } = useSpeech();
  if (outcome.type === 'failed') return <ProblemBox problem={outcome.problem} />;
  const text = { idle: '', working: texts.working, done: '' }[outcome.type];
  return (
    <p className="status" role="status">
      {outcome.type === 'done' ? outcome.say(texts, formats) : text}
    </p>
  );
}
