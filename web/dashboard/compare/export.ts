import type { ReportFormat } from './documents.ts';

export interface ExportFormat {
  readonly format: ReportFormat;
  readonly name: string;
  readonly ending: string;
  readonly type: string;
}

/** What a comparison can be taken away as; the gateway writes it. */
export const FORMATS: readonly ExportFormat[] = [
  { format: 'HTML', name: 'HTML', ending: 'html', type: 'text/html' },
  { format: 'MARKDOWN', name: 'Markdown', ending: 'md', type: 'text/markdown' },
  { format: 'CSV', name: 'CSV', ending: 'csv', type: 'text/csv' },
  { format: 'JSON', name: 'JSON', ending: 'json', type: 'application/json' },
];

/** As a file: the browser is given what is in memory. */
export function download(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
