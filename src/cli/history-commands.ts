import type { Command } from 'commander';
import type { ConfigSource } from '../config.ts';
import { addConfigOptions, API_KEY, JSON_HELP, LOCAL_KEYS } from './config-options.ts';
import type { CommandEnvironment } from './environment.ts';
import type { ClearOptions, ExportOptions, HistoryOptions } from './history.ts';

/** `mixgate history` and what it can do besides listing. */
export function addHistory(root: Command, environment: CommandEnvironment): void {
  const history = root
    .command('history')
    .description('List what is kept of earlier runs, newest first.')
    .option('--first <count>', 'how many, at most 200')
    .option('--search <text>', 'with this in prompt or answer')
    .option('--model <id>', 'of this model')
    .option('--json', JSON_HELP);
  addConfigOptions(history.addOption(API_KEY), LOCAL_KEYS).action(async (options: HistoryOptions) =>
    (await import('./history.ts')).printHistory(options, environment),
  );
  const exporting = history
    .command('export')
    .description('Write all of it as JSON Lines.')
    .option('--out <file>', 'to a file instead of standard output');
  addConfigOptions(exporting.addOption(API_KEY), LOCAL_KEYS).action(async (options: ExportOptions) =>
    (await import('./history.ts')).exportHistory(options, environment),
  );
  const deleting = history
    .command('delete')
    .description('Delete generations, comparisons or evaluations.')
    .argument('<id...>');
  addConfigOptions(deleting.addOption(API_KEY), LOCAL_KEYS).action(
    async (ids: string[], options: ConfigSource) =>
      (await import('./history.ts')).deleteHistory(ids, options, environment),
  );
  const clearing = history
    .command('clear')
    .description('Delete everything that has ended.')
    .option('--before <date>', 'only what was created before')
    .option('--all', 'whatever its age');
  addConfigOptions(clearing.addOption(API_KEY), LOCAL_KEYS).action(async (options: ClearOptions) =>
    (await import('./history.ts')).clearHistory(options, environment),
  );
}
