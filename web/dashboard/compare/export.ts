import type { ComparisonFacts } from './documents.ts';

export interface ExportFormat {
  readonly name: string;
  readonly ending: string;
  readonly type: string;
  readonly write: (facts: ComparisonFacts) => Promise<string>;
}

/** What a comparison can be taken away as. */
export const FORMATS: readonly ExportFormat[] = [
  {
    name: 'JSON',
    ending: 'json',
    type: 'application/json',
    write: async (facts) => `${JSON.stringify(facts, null, 2)}\n`,
  },
];

/** As a file, without a server: the browser is given what is in memory. */
export function download(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
