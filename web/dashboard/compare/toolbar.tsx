import { useLocation } from 'wouter';
import { useAction } from '../api/use-action.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { CANCEL_ALL, RERUN, type ComparisonFacts } from './documents.ts';
import { download, FORMATS, type ExportFormat } from './export.ts';
import { Share } from '../parts/share.tsx';

/** What can be done with a comparison as a whole. */
export function Toolbar({ facts }: { readonly facts: ComparisonFacts }) {
  const { texts } = useSpeech();
  const [, navigate] = useLocation();
  const cancel = useAction(CANCEL_ALL);
  const rerun = useAction(RERUN);
  const { id, finished } = facts;

  const again = async (schedule: 'AUTO' | 'IN_TURN'): Promise<void> => {
    const started = await rerun.run({ id, schedule });
    if (started !== null) navigate(`/compare/${started.rerunComparison.id}`);
  };
  const take = async ({ ending, type, write }: ExportFormat): Promise<void> =>
    download(`comparison-${id}.${ending}`, type, await write(facts));
  const problem = cancel.problem ?? rerun.problem;
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
            {FORMATS.map((format) => (
              <button key={format.name} type="button" className="secondary" onClick={() => void take(format)}>
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
