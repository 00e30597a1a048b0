import type { Command } from 'commander';
import type { ConfigKey, ConfigSource } from '../config.ts';
import { addConfigOptions, JSON_HELP } from './config-options.ts';
import type { CreateOptions, ListOptions } from './keys.ts';

const KEYS: readonly ConfigKey[] = ['dataDir'];

/** `mixgate keys`: works on the data folder; a gateway that runs on it notices at once. */
export function addKeys(root: Command): void {
  const keys = root
    .command('keys')
    .description('Make, list and revoke API keys of the gateway of a data folder.');
  const create = keys
    .command('create')
    .description(
      'Make a key and print it, this once. With the first one, the gateway begins to ask for keys.',
    )
    .requiredOption('--name <name>', 'what it is for, or whose')
    .requiredOption('--role <role>', 'viewer, user, admin, or worker (lends a browser, no more)')
    .option('--expires <when>', 'after a while (12h, 90d, 4w) or at a date (default: when it is revoked)')
    .option('--json', JSON_HELP);
  addConfigOptions(create, KEYS).action(async (options: CreateOptions) =>
    (await import('./keys.ts')).createKey(options),
  );
  const list = keys
    .command('list')
    .description('List them, without the keys themselves.')
    .option('--json', JSON_HELP);
  addConfigOptions(list, KEYS).action(async (options: ListOptions) =>
    (await import('./keys.ts')).listKeys(options),
  );
  const revoke = keys
    .command('revoke')
    .description('Revoke keys: within a second they count no more, and what they opened ends.')
    .argument('<key...>', 'id or name');
  addConfigOptions(revoke, KEYS).action(async (names: string[], options: ConfigSource) =>
    (await import('./keys.ts')).revokeKeys(names, options),
  );
}
