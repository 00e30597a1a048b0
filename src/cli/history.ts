import { openCaller } from '../access/caller.ts';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { graphql } from 'graphql';
import pc from 'picocolors';
import { loadConfig, type ConfigSource } from '../config.ts';
import { fromWire, MixgateError } from '../errors.ts';
import { createSchema } from '../resolvers/schema.ts';
import type { RequestContext, Services } from '../resolvers/services.ts';
import type { CommandEnvironment } from './environment.ts';
import { gib } from './format.ts';
import { withGateway } from './gateway.ts';
import { CLEAR_HISTORY, DELETE_HISTORY, EXPORT_HISTORY, LIST_HISTORY } from './documents.ts';
import { askGateway, runningGateway } from './running-gateway.ts';
import { shorten, table, type Column } from './table.ts';

export interface HistoryOptions extends ConfigSource {
  readonly first?: string;
  readonly search?: string;
  readonly model?: string;
  readonly json?: boolean;
}

export interface ExportOptions extends ConfigSource {
  readonly out?: string;
}

export interface ClearOptions extends ConfigSource {
  readonly before?: string;
  readonly all?: boolean;
}

type Flags = ConfigSource & { readonly apiKey?: string };
type Ask = <Data>(query: string, variables?: Record<string, unknown>) => Promise<Data>;

/** A gateway that runs on the same data folder is asked: it has what is not written yet. Else the schema answers here. */
async function withHistory(
  { apiKey, ...flags }: Flags,
  environment: CommandEnvironment,
  command: (ask: Ask) => Promise<void>,
): Promise<void> {
  const { dataDir } = loadConfig({ logLevel: 'warn', ...flags }, process.env);
  if (runningGateway(dataDir) !== null)
    return command(async <Data>(query: string, variables: Record<string, unknown> = {}) => {
      const data = await askGateway<Data>({ dataDir, apiKey }, query, variables);
      if (data !== null) return data;
      throw new MixgateError(
        'BACKEND_UNAVAILABLE',
        'The gateway on this data folder has just ended: try again.',
      );
    });
  const here = async (services: Services): Promise<void> => {
    const schema = await createSchema();
    const contextValue: RequestContext = {
      ...services,
      caller: openCaller('command-line'),
      requestId: 'command-line',
      trace: null,
    };
    await command(async <Data>(source: string, variableValues: Record<string, unknown> = {}) => {
      const { data, errors } = await graphql({ schema, source, variableValues, contextValue });
      const original = errors?.[0]?.originalError;
      if (original instanceof MixgateError) throw original;
      if (errors !== undefined || !data)
        throw fromWire({ code: 'INTERNAL', message: String(errors?.[0]?.message) });
      return data as Data;
    });
  };
  await withGateway(flags, environment, here, { looksAround: false });
}

interface Status {
  readonly isOn: boolean;
  readonly problem: string | null;
  readonly usage: {
    readonly generations: number;
    readonly comparisons: number;
    readonly evaluations: number;
    readonly bytes: number;
  } | null;
}

interface Listed {
  readonly id: string;
  readonly createdAt: string;
  readonly state: string;
  readonly comparisonId: string | null;
  readonly text: string;
  readonly usage: { readonly completionTokens: number };
  readonly plan: { readonly variant: { readonly id: string } } | null;
}

const ONE_LINE = 60;
const COLUMNS: readonly Column<Listed>[] = [
  { head: 'id', cell: ({ id }) => id },
  { head: 'created', cell: ({ createdAt }) => createdAt.slice(0, 16).replace('T', ' '), keep: 4 },
  { head: 'variant', cell: ({ plan }) => plan?.variant.id ?? '–', keep: 3 },
  { head: 'state', cell: ({ state }) => state.toLowerCase(), keep: 5 },
  { head: 'tokens', cell: ({ usage }) => String(usage.completionTokens), align: 'right', keep: 2 },
  { head: 'answer', cell: ({ text }) => shorten(text.trim().replaceAll(/\s+/g, ' '), ONE_LINE), keep: 1 },
];

/** `mixgate history`: what is kept, newest first. */
export async function printHistory(
  { first = '20', search, model, json, ...flags }: HistoryOptions,
  environment: CommandEnvironment,
): Promise<void> {
  await withHistory(flags, environment, async (ask) => {
    const filter = { search: search ?? null, model: model ?? null };
    const { history, generations } = await ask<{
      history: Status;
      generations: { edges: { node: Listed }[] };
    }>(LIST_HISTORY, { first: Number(first), filter });
    const rows = generations.edges.map(({ node }) => node);
    if (json === true) process.stdout.write(`${JSON.stringify({ history, generations: rows })}\n`);
    else
      process.stdout.write(
        `${rows.length === 0 ? '' : `${table(COLUMNS, rows)}\n`}${pc.dim(kept(history))}\n`,
      );
  });
}

function kept({ isOn, usage }: Status): string {
  if (!isOn || usage === null) return 'History is off: nothing is stored.';
  const { generations, comparisons, evaluations, bytes } = usage;
  return `Kept: ${generations} generations, ${comparisons} comparisons, ${evaluations} evaluations; ${gib(bytes)}.`;
}

/** `mixgate history export`: JSON Lines, newest first; `kind` says what a line is. */
export async function exportHistory(
  { out, ...flags }: ExportOptions,
  environment: CommandEnvironment,
): Promise<void> {
  await withHistory(flags, environment, async (ask) => {
    const target = out === undefined ? process.stdout : createWriteStream(out, { mode: 0o600 });
    if (out !== undefined) await once(target, 'open');
    for (const [field, query] of Object.entries(EXPORT_HISTORY))
      for await (const node of everyNode(ask, query)) {
        const line = `${JSON.stringify({ kind: field.slice(0, -1), ...node })}\n`;
        if (!target.write(line)) await once(target, 'drain');
      }
    if (out !== undefined) {
      target.end();
      await once(target, 'close');
    }
  });
}

async function* everyNode(ask: Ask, query: string): AsyncGenerator<object> {
  let after: string | null = null;
  for (;;) {
    const { page }: { page: Connection } = await ask<{ page: Connection }>(query, { after });
    for (const { node } of page.edges) yield node;
    if (!page.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}

interface Connection {
  readonly edges: readonly { readonly node: object }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** `mixgate history delete ID…`. @throws NOT_FOUND for the first that is none */
export async function deleteHistory(
  ids: readonly string[],
  flags: Flags,
  environment: CommandEnvironment,
): Promise<void> {
  await withHistory(flags, environment, async (ask) => {
    for (const id of ids) {
      const deleted = await ask<Record<string, boolean>>(DELETE_HISTORY, { id });
      const kind = Object.keys(deleted).find((each) => deleted[each]);
      if (kind === undefined)
        throw new MixgateError('NOT_FOUND', `There is no generation, comparison or evaluation ${id}.`);
      process.stdout.write(`${pc.green('✓')} ${kind} ${id} deleted\n`);
    }
  });
}

/** `mixgate history clear`. @throws INVALID_INPUT unless it is said what goes */
export async function clearHistory(
  { before, all, ...flags }: ClearOptions,
  environment: CommandEnvironment,
): Promise<void> {
  if ((before === undefined) === (all !== true))
    throw new MixgateError('INVALID_INPUT', 'Say what goes: --before DATE, or --all.');
  const limit = before === undefined ? null : new Date(before);
  if (limit !== null && Number.isNaN(limit.getTime()))
    throw new MixgateError('INVALID_INPUT', `--before: ${before} is no date, such as 2026-11-24.`);
  await withHistory(flags, environment, async (ask) => {
    const data = await ask<{ clearHistory: number }>(CLEAR_HISTORY, { before: limit?.toISOString() ?? null });
    process.stdout.write(`${pc.green('✓')} ${data.clearHistory} entries deleted\n`);
  });
}
