import { useSpeech } from '../text/language.tsx';
import { BarChart, type BarRow } from './bar-chart.tsx';
import { plannedBytes, type LaneState } from './lane.ts';

export interface FiguresProps {
  readonly lanes: readonly LaneState[];
  /** How they are told apart here. */
  readonly names: readonly string[];
}

/** What was measured of lanes that have ended, as pictures and as a table. */
export function Figures({ lanes, names }: FiguresProps) {
  const { texts, formats } = useSpeech();
  const memory = lanes.flatMap((lane, index) => memoryOf(lane, names[index]!, texts.compare));
  const known = lanes.some(({ answer, facts }) => answer.completed !== null || facts.memoryBytes !== null);
  if (!known) return null;
  return (
    <section aria-labelledby="figures-title" className="figures">
      <h2 id="figures-title">{texts.compare.measured}</h2>
      <div className="charts">
        <BarChart
          title={texts.compare.stages}
          rows={lanes.map((lane, index) => stagesOf(lane, names[index]!))}
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
          rows={memory}
          unit={unitOf(memory)}
          format={formats.bytes}
          parts={[
            ['planned', texts.compare.planned],
            ['measuredBytes', texts.compare.measuredBytes],
          ]}
        />
      </div>
      <FigureTable lanes={lanes} names={names} />
    </section>
  );
}

/**
 * One after the other as they happened. What passes between the prompt and the first token, and is neither, has a
 * part of its own; sampling is a part of decoding.
 */
function stagesOf({ answer: { completed } }: LaneState, name: string): BarRow {
  const row = { key: name, name };
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
  name: string,
  { planned, measuredBytes }: { readonly planned: string; readonly measuredBytes: string },
): BarRow[] {
  const row = (part: string, called: string, bytes: number | null): BarRow[] =>
    bytes === null ? [] : [{ key: `${name} ${part}`, name: `${name} · ${called}`, bars: [[part, bytes]] }];
  return [
    ...row('planned', planned, plannedBytes(lane)),
    ...row('measuredBytes', measuredBytes, lane.facts.memoryBytes),
  ];
}

/** Bytes of the largest unit that the longest bar has at least one of. */
function unitOf(rows: readonly BarRow[]): number {
  const most = Math.max(1, ...rows.flatMap(({ bars }) => bars.map(([, bytes]) => bytes)));
  return 1024 ** Math.floor(Math.log2(most) / 10);
}

function FigureTable({ lanes, names }: FiguresProps) {
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
            {names.map((name, index) => (
              <th key={index} scope="col">
                {name}
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
