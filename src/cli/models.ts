import path from 'node:path';
import pc from 'picocolors';
import type { ConfigSource } from '../config.ts';
import type { LocalVariant, ModelFacts } from '../models/catalog.ts';
import type { Pulls } from '../models/pull/pulls.ts';
import type { CommandEnvironment } from './environment.ts';
import { gib } from './format.ts';
import { withGateway } from './gateway.ts';
import { table, type Column } from './table.ts';

export interface ModelsOptions extends ConfigSource {
  readonly json?: boolean;
}

interface Row {
  readonly model: ModelFacts;
  readonly variant: LocalVariant;
}

/** `mixgate models`: every variant of every model. What the scan rejected is in the log. */
export async function printModels({ json, ...flags }: ModelsOptions, environment: CommandEnvironment) {
  await withGateway(flags, environment, async ({ catalog, pulls }) => {
    const models = catalog.models();
    if (json === true) {
      process.stdout.write(`${JSON.stringify(models.map(modelDocument))}\n`);
    } else if (models.length === 0) {
      process.stdout.write(`${pc.yellow('No models found')}: add a folder with --models-dir.\n`);
    } else {
      const rows = models.flatMap((model) => model.variants.map((variant) => ({ model, variant })));
      process.stdout.write(`${table(COLUMNS, rows)}\n${await diskLine(rows, pulls)}\n`);
    }
  });
}

const COLUMNS: readonly Column<Row>[] = [
  { head: 'model', cell: ({ model }) => model.id },
  { head: 'quantization', cell: ({ variant }) => variant.quantization },
  { head: 'format', cell: ({ variant }) => variant.format, keep: 1 },
  { head: 'size', cell: ({ variant }) => gib(variant.sizeBytes), align: 'right', keep: 7 },
  { head: 'bits', cell: ({ variant }) => variant.bitsPerWeight.toFixed(2), align: 'right', keep: 5 },
  { head: 'parameters (active)', cell: ({ variant }) => parameters(variant), align: 'right', keep: 6 },
  { head: 'context', cell: ({ model }) => String(model.contextLength), align: 'right', keep: 4 },
  { head: 'experts', cell: ({ model }) => experts(model), align: 'right', keep: 3 },
  { head: 'folder', cell: ({ variant }) => path.dirname(variant.path), keep: 2 },
];

/** What the variants take, and how much room there is for more, where that can be told. */
async function diskLine(rows: readonly Row[], pulls: Pulls): Promise<string> {
  const all = rows.reduce((sum, { variant }) => sum + variant.sizeBytes, 0);
  const use = await pulls.diskUse().catch(() => null);
  const budget = use === null || use.budgetBytes === null ? '' : ` of a budget of ${gib(use.budgetBytes)}`;
  const disk =
    use === null ? '' : ` Pulled: ${gib(use.usedBytes)}${budget}; ${gib(use.freeBytes)} free on that disk.`;
  return pc.dim(`${rows.length} variants, ${gib(all)}.${disk}`);
}

function parameters({ weights }: LocalVariant): string {
  const { parameters: all, activeParameters: active } = weights;
  return active === all ? short(all) : `${short(all)} (${short(active)})`;
}

/** `46.7B`, `12.9M`. */
function short(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)}B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)}M` : String(count);
}

const experts = ({ experts: mixture }: ModelFacts): string =>
  mixture === null ? '–' : `${mixture.usedPerToken} of ${mixture.count}`;

function modelDocument({ chatTemplate, variants, ...model }: ModelFacts): object {
  return {
    ...model,
    hasChatTemplate: chatTemplate !== null,
    variants: variants.map(({ weights, ...variant }) => ({
      ...variant,
      parameters: weights.parameters,
      activeParameters: weights.activeParameters,
    })),
  };
}
