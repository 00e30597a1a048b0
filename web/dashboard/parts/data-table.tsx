import { Fragment, type ReactNode } from 'react';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
}

export interface DataTableProps<Row> {
  readonly label: string;
  /** The first one names the row. */
  readonly columns: readonly [Column<Row>, ...Column<Row>[]];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly isCurrent?: (row: Row) => boolean;
  /** Below each row, as wide as all of it. */
  readonly below?: (row: Row) => ReactNode;
}

/** Rows of one kind, which scroll sideways by themselves where the page is narrow. */
export function DataTable<Row>({ label, columns, rows, keyOf, isCurrent, below }: DataTableProps<Row>) {
  const [name, ...others] = columns;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title }) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Fragment key={keyOf(row)}>
              <tr aria-current={isCurrent?.(row) === true ? 'true' : undefined}>
                <th scope="row">{name.cell(row)}</th>
                {others.map(({ title, cell }) => (
                  <td key={title}>{cell(row)}</td>
                ))}
              </tr>
              {below !== undefined && (
                <tr className="why">
                  <td colSpan={columns.length}>{below(row)}</td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}
