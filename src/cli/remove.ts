import pc from 'picocolors';
import { SEES_ALL } from '../access/ownership.ts';
import type { ConfigSource } from '../config.ts';
import { MixgateError } from '../errors.ts';
import { removeVariant } from '../generation/remove-variant.ts';
import type { Catalog } from '../models/catalog.ts';
import type { CommandEnvironment } from './environment.ts';
import { gib } from './format.ts';
import { withGateway } from './gateway.ts';
import { REMOVE_VARIANT } from './documents.ts';
import { askGateway } from './running-gateway.ts';

export interface RemoveOptions extends ConfigSource {
  readonly apiKey?: string;
  readonly all?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/**
 * `mixgate remove VARIANT…`: deletes files and says how many bytes came back. A gateway that runs on the same data
 * folder is asked to do it: it knows what is loaded.
 */
export async function removeModels(
  names: readonly string[],
  { all, force, json, apiKey, ...flags }: RemoveOptions,
  environment: CommandEnvironment,
): Promise<void> {
  await withGateway(flags, environment, async (services, { dataDir }) => {
    const ids = [...new Set(names.flatMap((name) => variantsNamed(name, services.catalog, all === true)))];
    for (const id of ids) services.catalog.checkRemovable(id);
    const asking = { dataDir, apiKey };
    const removed: { readonly id: string; readonly freedBytes: number }[] = [];
    for (const id of ids) {
      const variables = { id, force: force === true };
      const answer = await askGateway<{ removeVariant: number }>(asking, REMOVE_VARIANT, variables);
      const freedBytes =
        answer?.removeVariant ?? (await removeVariant(id, force === true, services, SEES_ALL));
      removed.push({ id, freedBytes });
      if (json !== true) process.stdout.write(`${pc.green('✓')} ${id}: ${gib(freedBytes)} freed\n`);
    }
    if (json === true) process.stdout.write(`${JSON.stringify(removed)}\n`);
  });
}

/** A variant's id in any case, or with `--all` a model's. @throws INVALID_INPUT, MODEL_NOT_FOUND, VARIANT_NOT_AVAILABLE */
function variantsNamed(name: string, catalog: Catalog, isAll: boolean): readonly string[] {
  const [model = '', quantization] = name.split(':');
  if (quantization !== undefined) return catalog.variants(model, quantization).map(({ id }) => id);
  const ids = catalog.variants(model, null).map(({ id }) => id);
  if (isAll || ids.length === 1) return ids;
  throw new MixgateError(
    'INVALID_INPUT',
    `${name} has several variants: name one (${ids.join(', ')}), or say --all.`,
  );
}
