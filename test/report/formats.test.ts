import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import type { Nodes } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmTableFromMarkdown } from 'mdast-util-gfm-table';
import { gfmTable } from 'micromark-extension-gfm-table';
import { describe, expect, it } from 'vitest';
import { rendered } from '../../src/report/render.ts';
import { reportJsonSchema, reportSchema, type Run } from '../../src/report/schema.ts';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { headOf, someRun } from '../support/reports.ts';

/** What would be markup, a mention, a link, a formula or the end of what it is in. */
const HOSTILE = [
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
  '</pre></details><h1>owned</h1>',
  '```\n</details>\n# heading\n````',
  '| a | b |\n| - | - |',
  '=HYPERLINK("http://evil.example","x")',
  '@everyone [x](javascript:alert(1)) ![x](http://evil.example/x.png)',
  '\u202Ereversed\u202C \u2028 \u0000 "quoted", and\r\na line',
];
const hostile = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' }));

function hostileReport(text: string) {
  const runs: Run[] = [
    someRun({ prompt: text, text }),
    someRun({
      ...{ prompt: text, lane: 1, state: 'FAILED', text },
      error: { code: 'OUT_OF_MEMORY', message: text },
    }),
  ];
  const head = headOf(runs, {
    labels: [text, text],
    prompts: [{ id: text, text }],
    head: { command: text, incomplete: text },
  });
  return { head, runs };
}

function nodesOf(markdown: string): Nodes[] {
  const found: Nodes[] = [];
  const visit = (node: Nodes): void => {
    found.push(node);
    if ('children' in node) for (const child of node.children) visit(child);
  };
  visit(fromMarkdown(markdown, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] }));
  return found;
}

describe('Markdown', () => {
  it('takes nothing that was given or answered for markup', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const { head, runs } = hostileReport(text);
        const nodes = nodesOf(await rendered('MARKDOWN', head, runs));
        const markup = nodes.flatMap((node) => (node.type === 'html' ? [node.value] : []));
        expect(markup).toEqual(['<details><summary>Answers</summary>', '</details>']);
        expect(nodes.filter(({ type }) => type === 'link' || type === 'image')).toEqual([]);
        const depths = nodes.flatMap((node) => (node.type === 'heading' ? [node.depth] : []));
        expect(depths).toEqual([1, 2, 2, 2, 3, 2]);
        expect(nodes.filter(({ type }) => type === 'table')).toHaveLength(4);
      }),
      { examples: HOSTILE.map((text): [string] => [text]) },
    );
  });

  it('shows answers as they are', async () => {
    const text = 'one\n```js\nlet x;\n```\n<b>two</b> & so on';
    const { head, runs } = hostileReport(text);
    const nodes = nodesOf(await rendered('MARKDOWN', head, runs));
    // The command, the prompt and two answers.
    expect(nodes.flatMap((node) => (node.type === 'code' ? [node.value] : []))).toEqual(Array(4).fill(text));
  });

  it('says what is unknown, and what a lane is against lane 0', async () => {
    const runs = [someRun(), someRun({ lane: 1, evalTokensPerSecond: 250 })];
    const text = await rendered('MARKDOWN', headOf(runs), runs);
    expect(text).toMatch(/\| Eval rate, tokens\/s +\| +100 \| +250 ×2\.50 \|/);
    expect(text).not.toContain('Energy');
    expect(text).toContain('llama-cpp (version unknown)');
  });
});

describe('CSV', () => {
  it('has a row a run, and no cell that a spreadsheet would run', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const { head, runs } = hostileReport(text);
        const csv = await rendered('CSV', head, runs);
        const rows = parse<Record<string, string>>(csv, { columns: true, bom: true });
        expect(rows).toHaveLength(2);
        for (const [name, cell] of rows.flatMap((row) => Object.entries(row)))
          expect(`${name} ${cell.slice(0, 1)}`).not.toMatch(/ [=+\-@\t\r]$/);
        const escaped = rows[0]!['text']!;
        expect([text, `'${text}`]).toContain(escaped);
      }),
      { examples: ['-1+1', '+1', '@SUM(A1)', '\tx', ...HOSTILE].map((text): [string] => [text]) },
    );
  });

  it('leaves empty what is unknown, and tells figures exactly', async () => {
    const runs = [someRun({ firstTokenMs: null, evalTokensPerSecond: 0.1 + 0.2, text: 'a,"b"\nc' })];
    const [row] = parse<Record<string, string>>(await rendered('CSV', headOf(runs), runs), {
      columns: true,
      bom: true,
    });
    expect(row).toMatchObject({
      prompt: 'p0',
      label: 'one',
      quantization: 'Q2_K',
      first_token_ms: '',
      joules_per_token: '',
      eval_tokens_per_second: '0.30000000000000004',
      same_text: '',
      text: 'a,"b"\nc',
    });
  });
});

describe('JSON', () => {
  it('is what its schema says, with all that was told', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const { head, runs } = hostileReport(text);
        const document: unknown = JSON.parse(await rendered('JSON', head, runs));
        expect(document).toEqual({ ...head, runs });
        expect(reportSchema.parse(document)).toEqual(document);
      }),
    );
    const nothing = await rendered('JSON', headOf([]), []);
    expect(reportSchema.parse(JSON.parse(nothing)).runs).toEqual([]);
  });

  it('has its schema in the documents', () => {
    const file = path.resolve(import.meta.dirname, '../../docs/report.schema.json');
    expect(readFileSync(file, 'utf8')).toBe(reportJsonSchema());
  });
});
