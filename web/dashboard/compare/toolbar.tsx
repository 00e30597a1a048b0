import { useState } from 'react';
import { useClient } from 'urql';
import { useLocation } from 'wouter';
import { problemOf, type Problem } from '../api/problem.ts';
import { useAction } from '../api/use-action.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { CANCEL_ALL, REPORT, RERUN, type ComparisonFacts } from './documents.ts';
import { download, FORMATS, type ExportFormat } from './export.ts';
import { Share } from '../parts/share.tsx';

/** What can be done with a comparison as a whole. */
export function Toolbar({ facts }: { readonly facts: ComparisonFacts }) {
  const { texts } = useSpeech();
  const [, navigate] = useLocation();
  const cancel = useAction(CANCEL_ALL);
  const rerun = useAction(RERUN);
  const client = useClient();
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const { id, finished, isRevealed } = facts;

  const again = async (schedule: 'AUTO' | 'IN_TURN'): Promise<void> => {
    const started = await rerun.run({ id, schedule });
    if (started !== null) navigate(`/compare/${started.rerunComparison.id}`);
  };
  const take = async ({ format, ending, type }: ExportFormat): Promise<void> => {
    const { data, error } = await client.query(REPORT, { id, format }).toPromise();
    setRefusal(error ? problemOf(error) : null);
    const report = data?.comparison?.report;
    if (report !== undefined) download(`comparison-${id}.${ending}`, type, report);
  };
  const problem = cancel.problem ?? rerun.problem ?? refusal;
  return (
    <div className="toolbar">
      <div className="buttons">
        {finished ? (
          <>
            <button type="button" disabled={rerun.isBusy} onClick={() => void again('AUTO')}>
              {texts.compare.again}
            </button>
            <button
              type="button"
              className="secondary"
              disabled={rerun.isBusy}
              onClick={() => void again('IN_TURN')}
            >
              {texts.compare.inTurnAgain}
            </button>
            {/* Of a blind one nothing is told before it is voted on. */}
            {isRevealed &&
              FORMATS.map((format) => (
                <button
                  key={format.name}
                  type="button"
                  className="secondary"
                  onClick={() => void take(format)}
                >
                  {texts.compare.exportAs(format.name)}
                </button>
              ))}
          </>
        ) : (
          <button type="button" disabled={cancel.isBusy} onClick={() => void cancel.run({ id })}>
            {texts.compare.stopAll}
          </button>
        )}
      </div>
      {problem !== null && <ProblemBox problem={problem} />}
      <Share />
    </div>
  );
}
