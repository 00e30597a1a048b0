import { useState } from 'react';
import { useAction } from '../api/use-action.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { VOTE, type ComparisonFacts, type VoteValue } from './documents.ts';

const VALUES = ['BETTER', 'TIE', 'WORSE'] as const satisfies readonly VoteValue[];

export interface VotesProps {
  readonly facts: ComparisonFacts;
  /** How lanes are told apart here. */
  readonly names: readonly string[];
  readonly onVoted: (facts: ComparisonFacts) => void;
}

/** What an answer is worth, once all of them are there. */
export function Votes({ facts, names, onVoted }: VotesProps) {
  const { texts } = useSpeech();
  const { lanes, isBlind, isRevealed, finished } = facts;
  const whole = lanes.flatMap(({ generation }, index) => (generation.state === 'COMPLETED' ? [index] : []));
  if (!finished || whole.length === 0) return null;
  return (
    <section aria-labelledby="votes-title">
      <h2 id="votes-title">{texts.compare.votes}</h2>
      {isBlind && (
        <p role="status" className="quiet">
          {isRevealed ? texts.compare.revealed : texts.compare.blindHint}
        </p>
      )}
      <div className="votes">
        {whole.map((index) => (
          <LaneVote key={index} index={index} facts={facts} names={names} onVoted={onVoted} />
        ))}
      </div>
    </section>
  );
}

function LaneVote({ index, facts, names, onVoted }: VotesProps & { readonly index: number }) {
  const { texts } = useSpeech();
  const [mine, setMine] = useState<VoteValue | null>(null);
  const [comment, setComment] = useState('');
  const { isBusy, problem, run } = useAction(VOTE);
  const given = facts.votes.filter(({ lane }) => lane === index);

  const vote = async (value: VoteValue): Promise<void> => {
    const voted = await run({ id: facts.id, lane: index, value, comment: comment.trim() || null });
    if (voted === null) return;
    setMine(value);
    onVoted(voted.vote);
  };
  return (
    <fieldset className="vote card">
      <legend>
        {index === 0 ? texts.compare.againstAll(names[0]!) : texts.compare.against(names[index]!, names[0]!)}
      </legend>
      <label>
        {texts.compare.comment}
        <input
          type="text"
          maxLength={10_000}
          value={comment}
          onChange={(event) => {
            setComment(event.target.value);
          }}
        />
      </label>
      <div className="buttons">
        {VALUES.map((value) => (
          <button
            key={value}
            type="button"
            className={mine === value ? undefined : 'secondary'}
            aria-pressed={mine === value}
            disabled={isBusy}
            onClick={() => void vote(value)}
          >
            {texts.compare.values[value]}
          </button>
        ))}
      </div>
      {problem !== null && <ProblemBox problem={problem} />}
      {given.length > 0 && (
        <ul className="given">
          {given.map(({ value, comment: said }, order) => (
            <li key={order}>
              {texts.compare.values[value]}
              {said !== null && ` – ${said}`}
            </li>
          ))}
        </ul>
      )}
    </fieldset>
  );
}
