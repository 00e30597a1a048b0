import { csv } from './csv.ts';
import { htmlPage } from './html/page.ts';
import { json } from './json.ts';
import { markdown } from './markdown.ts';
import type { ReportHead, Runs } from './schema.ts';

/** Writes a report piece by piece: of the runs no more is in memory than what is shown at once. */
export type Renderer = (head: ReportHead, runs: Runs) => AsyncGenerator<string>;

/** As `ReportFormat` of the schema. */
export const RENDERERS = {
  MARKDOWN: markdown,
  CSV: csv,
  JSON: json,
  HTML: htmlPage,
} as const satisfies Record<string, Renderer>;

export type ReportFormat = keyof typeof RENDERERS;

export async function rendered(format: ReportFormat, head: ReportHead, runs: Runs): Promise<string> {
  let text = '';
  for await (const piece of RENDERERS[format](head, runs)) text += piece;
  return text;
}
