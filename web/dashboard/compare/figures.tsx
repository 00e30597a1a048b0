import { useSpeech } from '../text/language.tsx';
import { BarChart, type BarRow } from './bar-chart.tsx';
import { plannedBytes, type LaneState } from './lane.ts';

/** What was measured of lanes that have ended, as pictures and as a table. */
export function Figures({ lanes }: { readonly lanes: readonly LaneState[] }) {
  const { texts, formats } = useSpeech();
  const known = lanes.some(({ answer, facts }) => answer.completed !== null || facts.memoryBytes !== null);
  if (!known) return null;
  return (
    <section aria-labelledby="figures-title" className="figures">
      <h2 id="figures-title">{texts.compare.measured}</h2>
      <div className="charts">
        <BarChart
          title={texts.compare.stages}
          rows={lanes.map(stagesOf)}
          format={(ms) => texts.compare.ms(formats.count(ms))}
          parts={[
            ['queue', texts.timings.queue],
            ['load', texts.timings.load],
            ['promptEval', texts.timings.promptEval],
            ['firstToken', texts.compare.untilFirst],
            ['eval', texts.timings.eval],
          ]}
        />
        <BarChart
          title={texts.memory.label}
          rows={lanes.flatMap((lane, index) => memoryOf(lane, index, texts.compare))}
          format={formats.bytes}
          parts={[
            ['planned', texts.compare.planned],
            ['measuredBytes', texts.compare.measuredBytes],
          ]}
        />
      </div>
      <FigureTable lanes={lanes} />
    </section>
  );
}

/**
 * One after the other as they happened. What passes between the prompt and the first token, and is neither, has a
 * part of its own; sampling is a part of decoding.
 */
function stagesOf({ answer: { completed }, facts }: LaneState, index: number): BarRow {
  const row = { key: String(index), name: facts.label };
  if (completed === null) return { ...row, bars: [] };
  const { queueMs, loadMs, promptEval, timeToFirstTokenMs, eval: decode } = completed.timings;
  const before = queueMs + loadMs + promptEval.ms;
  const untilFirst = Math.max(0, (timeToFirstTokenMs ?? before) - before);
  return {
    ...row,
    bars: [
      ['queue', queueMs],
      ['load', loadMs],
      ['promptEval', promptEval.ms],
      ['firstToken', untilFirst],
      ['eval', decode.ms],
    ],
  };
}

function memoryOf(
  lane: LaneState,
  index: number,
  { planned, measuredBytes }: { readonly planned: string; readonly measuredBytes: string },
): BarRow[] {
  const [expected, taken] = [plannedBytes(lane), lane.facts.memoryBytes];
  const { label } = lane.facts;
  return [
    ...(expected === null
      ? []
      : [{ key: `${index}p`, name: `${label} · ${planned}`, bars: [['planned', expected] as const] }]),
    ...(taken === null
      ? []
      : [
          {
            key: `${index}m`,
            name: `${label} · ${measuredBytes}`,
            bars: [['measuredBytes', taken] as const],
          },
        ]),
  ];
}

function FigureTable({ lanes }: { readonly lanes: readonly LaneState[] }) {
  const { texts, formats } = useSpeech();
  const show = (value: number | null | undefined, format: (value: number) => string): string =>
    value === null || value === undefined ? '' : format(value);
  const rows: readonly (readonly [name: string, cell: (lane: LaneState) => string])[] = [
    [texts.compare.inMs(texts.timings.queue), (lane) => show(timings(lane)?.queueMs, formats.decimal)],
    [texts.compare.inMs(texts.timings.load), (lane) => show(timings(lane)?.loadMs, formats.decimal)],
    [
      texts.compare.inMs(texts.timings.promptEval),
      (lane) => show(timings(lane)?.promptEval.ms, formats.decimal),
    ],
    [
      texts.compare.inMs(texts.timings.firstToken),
      (lane) => show(timings(lane)?.timeToFirstTokenMs, formats.decimal),
    ],
    [texts.compare.inMs(texts.timings.eval), (lane) => show(timings(lane)?.eval.ms, formats.decimal)],
    [texts.timings.tokens, ({ answer }) => (answer.tokens === 0 ? '' : formats.count(answer.tokens))],
    [texts.timings.tokensPerSecond, (lane) => show(timings(lane)?.eval.tokensPerSecond, formats.decimal)],
    [texts.compare.memoryPlanned, (lane) => show(plannedBytes(lane), formats.bytes)],
    [texts.compare.memoryMeasured, ({ facts }) => show(facts.memoryBytes, formats.bytes)],
    [texts.compare.energy, ({ facts }) => show(facts.energyPerTokenJoules, formats.decimal)],
  ];
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={texts.compare.measured}>
      <table>
        <thead>
          <tr>
            <td />
            {lanes.map(({ facts }, index) => (
              <th key={index} scope="col">
                {facts.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, cell]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {lanes.map((lane, index) => (
                <td key={index}>{cell(lane)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const timings = ({ answer }: LaneState) => answer.completed?.timings;
