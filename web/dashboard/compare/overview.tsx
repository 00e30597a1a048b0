import { Link } from 'wouter';
import { problemOf } from '../api/problem.ts';
import { usePolled } from '../api/use-polled.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useSpeech } from '../text/language.tsx';
import { OVERVIEW, type Overview as OverviewFacts } from './documents.ts';
import { promptText } from '../parts/prompt-text.ts';

const POLL_MS = 5000;

/** What was compared lately, and which variants people prefer. */
export function Overview() {
  const { data, error } = usePolled(OVERVIEW, POLL_MS);
  if (data === null) return error === null ? null : <ProblemBox problem={problemOf(error)} />;
  return (
    <>
      <Recent comparisons={data.comparisons.edges.map(({ node }) => node)} />
      <WinRates rates={data.winRates} />
    </>
  );
}

type Recent = OverviewFacts['comparisons']['edges'][number]['node'];

function Recent({ comparisons }: { readonly comparisons: readonly Recent[] }) {
  const { texts, formats } = useSpeech();
  if (comparisons.length === 0) return null;
  return (
    <section aria-labelledby="recent-title">
      <h2 id="recent-title">{texts.compare.recent}</h2>
      <ul className="recent">
        {comparisons.map(({ id, createdAt, finished, prompt, lanes }) => (
          <li key={id}>
            <Link href={`/compare/${id}`}>{promptText(prompt).slice(0, 120)}</Link>
            <br />
            <small>
              {formats.dateTime(createdAt)} · {lanes.map(({ label }) => label).join(', ')}
              {!finished && ` · ${texts.compare.running}`}
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function WinRates({ rates }: { readonly rates: OverviewFacts['winRates'] }) {
  const { texts, formats } = useSpeech();
  if (rates.length === 0) return null;
  const percent = (share: number): string => `${formats.count(100 * share)} %`;
  return (
    <section aria-labelledby="rates-title">
      <h2 id="rates-title">{texts.compare.winRates}</h2>
      <div className="scroll" tabIndex={0} role="region" aria-label={texts.compare.winRates}>
        <table>
          <thead>
            <tr>
              <th scope="col">{texts.models.variants}</th>
              <th scope="col">{texts.compare.wins}</th>
              <th scope="col">{texts.compare.ties}</th>
              <th scope="col">{texts.compare.losses}</th>
              <th scope="col">{texts.compare.share}</th>
              <th scope="col">{texts.compare.interval}</th>
            </tr>
          </thead>
          <tbody>
            {rates.map(({ variantId, wins, ties, losses, rate, lower, upper }) => (
              <tr key={variantId}>
                <th scope="row">{variantId}</th>
                <td>{formats.count(wins)}</td>
                <td>{formats.count(ties)}</td>
                <td>{formats.count(losses)}</td>
                <td>{percent(rate)}</td>
                <td>
                  <svg className="interval" viewBox="0 0 100 12" aria-hidden="true">
                    <line className="scale" x1="0" x2="100" y1="6" y2="6" />
                    <line className="range" x1={100 * lower} x2={100 * upper} y1="6" y2="6" />
                    <circle cx={100 * rate} cy="6" r="4" />
                  </svg>{' '}
                  {percent(lower)} – {percent(upper)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
