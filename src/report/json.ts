import type { ReportHead, Runs } from './schema.ts';

/** One document as docs/report.schema.json has it, a run a line. */
export async function* json(head: ReportHead, runs: Runs): AsyncGenerator<string> {
  yield `${JSON.stringify(head, null, 2).slice(0, -'\n}'.length)},\n  "runs": [`;
  let separator = '\n    ';
  for await (const run of runs) {
    yield `${separator}${JSON.stringify(run)}`;
    separator = ',\n    ';
  }
  yield '\n  ]\n}\n';
}
