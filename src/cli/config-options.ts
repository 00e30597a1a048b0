import { Option, type Command } from 'commander';
import { configSchema, flagName, LIST_KEYS, SWITCH_KEYS, type ConfigKey } from '../config.ts';

export const JSON_HELP = 'print one JSON document instead of text';

/** The options of commands that do not listen. */
export const LOCAL_KEYS: readonly ConfigKey[] = [
  'modelsDir',
  'dataDir',
  'gpu',
  'threads',
  'deviceMargin',
  'hostMargin',
  'history',
  'historyUrl',
  'logLevel',
];

/** What the doctor looks at besides. */
export const DOCTOR_KEYS: readonly ConfigKey[] = [
  ...LOCAL_KEYS,
  'host',
  'port',
  'webgpuHeadless',
  'chromium',
  'diskBudget',
];

/** An option that may be given several times. */
export const listed = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** For commands that may have to ask a gateway that runs. */
export const API_KEY = new Option(
  '--api-key <key>',
  'where a gateway runs on the data folder and asks for keys: one of them, or a token',
).env('MIXGATE_API_KEY');

/** Gives a command these options of the configuration, and its file. */
export function addConfigOptions(command: Command, keys: readonly ConfigKey[]): Command {
  for (const key of keys) {
    const flag = key === 'threads' ? `-t, ${flagName(key)}` : flagName(key);
    const description = configSchema.shape[key].description ?? '';
    const option = LIST_KEYS.has(key)
      ? new Option(`${flag} <${key === 'modelsDir' ? 'folder' : 'value'}>`, description).argParser(listed)
      : new Option(SWITCH_KEYS.has(key) ? `${flag} [yes|no]` : `${flag} <value>`, description);
    command.addOption(option);
  }
  return command.option('--config <file>', 'configuration file, YAML or JSON');
}
