import { PlanDetails, TimingDetails } from '../parts/answer-details.tsx';
import { isFinal } from '../parts/answer.ts';
import { statusOf } from '../parts/answer-status.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useLostText } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import type { Turn } from './turn.ts';

export interface TurnViewProps {
  readonly turn: Turn;
  readonly isConnected: boolean;
}

export function TurnView({ turn, isConnected }: TurnViewProps) {
  const { texts, formats } = useSpeech();
  const lost = useLostText();
  const isLost = !isConnected && !isFinal(turn);
  return (
    <li>
      <p className="prompt">
        <span className="hidden">{texts.playground.you}: </span>
        {turn.prompt}
      </p>
      {/* Read out word by word it could not be followed; the status below is what is announced. */}
      <div className="answer" data-stage={turn.stage} aria-busy={!isFinal(turn)}>
        {turn.text}
      </div>
      {turn.stage === 'LOADING' && turn.progress !== null && (
        <progress value={turn.progress} aria-label={texts.playground.stages.LOADING} />
      )}
      <p className="status" role="status">
        {isLost ? lost : statusOf(turn, texts, formats)}
      </p>
      {turn.problem !== null && <ProblemBox problem={turn.problem} />}
      <PlanDetails answer={turn} />
      <TimingDetails answer={turn} />
    </li>
  );
}
