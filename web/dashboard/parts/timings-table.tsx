import { useSpeech } from '../text/language.tsx';
import type { Completed } from './event-fields.ts';

type StageTiming = Completed['timings']['eval'];

/** What the gateway measured; what it could not, has no row or an empty cell. */
export function TimingsTable({ completed: { timings, usage } }: { readonly completed: Completed }) {
  const { texts, formats } = useSpeech();
  const only = (ms: number): StageTiming => ({ ms, count: 0, msPerToken: null, tokensPerSecond: null });
  const rows: readonly (readonly [string, StageTiming | null])[] = [
    [texts.timings.queue, only(timings.queueMs)],
    [texts.timings.load, only(timings.loadMs)],
    [texts.timings.sample, timings.sample],
    [texts.timings.promptEval, timings.promptEval],
    [texts.timings.eval, timings.eval],
    [texts.timings.firstToken, timings.timeToFirstTokenMs === null ? null : only(timings.timeToFirstTokenMs)],
    [texts.timings.total, only(timings.totalMs)],
  ];
  const cell = (value: number | null) => (value === null ? '' : formats.decimal(value));
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={texts.timings.title}>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.timings.stage}</th>
            <th scope="col">{texts.timings.ms}</th>
            <th scope="col">{texts.timings.tokens}</th>
            <th scope="col">{texts.timings.msPerToken}</th>
            <th scope="col">{texts.timings.tokensPerSecond}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(
            ([name, row]) =>
              row !== null && (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{formats.decimal(row.ms)}</td>
                  <td>{row.count === 0 ? '' : formats.count(row.count)}</td>
                  <td>{cell(row.msPerToken)}</td>
                  <td>{cell(row.tokensPerSecond)}</td>
                </tr>
              ),
          )}
        </tbody>
      </table>
      {usage.cachedPromptTokens > 0 && (
        <p className="quiet">{texts.timings.cached(formats.count(usage.cachedPromptTokens))}</p>
      )}
    </div>
  );
}
