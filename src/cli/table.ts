import Table from 'cli-table3';
import pc from 'picocolors';

/** A column of a table of `Row`s. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** The lower, the sooner it is left out where the terminal is narrow; without one, never. */
  readonly keep?: number;
}

interface TableOptions<Row> {
  /** Columns of the terminal. */
  readonly width?: number;
  /** Colours a row's cells. */
  readonly paint?: (row: Row, cell: string) => string;
}

/** What standard output shows in one line. Where it is no terminal, as much as COLUMNS says, else without bound. */
function terminalWidth(): number {
  const declared = Number(process.env['COLUMNS']);
  return process.stdout.columns ?? (declared > 0 ? declared : Infinity);
}

/** A table that is never wider than the terminal: it leaves out columns instead of wrapping lines. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width = terminalWidth(), paint = (_row, cell) => cell }: TableOptions<Row> = {},
): string {
  const shown = fitting(columns, rows, width);
  const isColored = pc.isColorSupported;
  const view = new Table({
    head: shown.map(({ head }) => head),
    colAligns: shown.map(({ align }) => align ?? 'left'),
    style: { head: isColored ? ['bold'] : [], border: isColored ? ['grey'] : [], compact: true },
  });
  for (const row of rows) view.push(shown.map(({ cell }) => paint(row, cell(row))));
  return view.toString();
}

function fitting<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): Column<Row>[] {
  let shown = [...columns];
  while (widthOf(shown, rows) > width) {
    const least = Math.min(...shown.map(({ keep = Infinity }) => keep));
    if (least === Infinity) break;
    shown = shown.filter(({ keep = Infinity }) => keep !== least);
  }
  return shown;
}

/** Each cell has a blank on either side and a line before it; one more line closes the row. */
function widthOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): number {
  const widest = ({ head, cell }: Column<Row>) =>
    Math.max(head.length, ...rows.map((row) => cell(row).length));
  return columns.reduce((sum, column) => sum + widest(column) + 3, 1);
}

/** At most `length` characters, the last one an ellipsis where something is missing. */
export const shorten = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1).trimEnd()}…`;
