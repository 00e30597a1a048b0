import { Command, CommanderError, Option } from 'commander';
import pc from 'picocolors';
import { CONFIG_KEYS, type ConfigKey, type ConfigSource } from '../config.ts';
import { asMixgateError } from '../errors.ts';
import { addConfigOptions, API_KEY, DOCTOR_KEYS, JSON_HELP, LOCAL_KEYS } from './config-options.ts';
import type { CommandEnvironment } from './environment.ts';
import type { DoctorOptions } from './doctor.ts';
import { addHistory } from './history-commands.ts';
import { addKeys } from './key-commands.ts';
import { addBench, addCompare } from './lane-commands.ts';
import type { ModelsOptions } from './models.ts';
import { addPlanOptions, type PlanOptions } from './plan-options.ts';
import type { OutOption } from './print.ts';
import type { PullOptions } from './pull.ts';
import type { QualityOptions } from './quality.ts';
import type { RemoveOptions } from './remove.ts';
import type { RunOptions } from './run.ts';
import { addSamplingOptions } from './sampling-options.ts';
import type { WorkerOptions } from './worker.ts';

const USAGE_ERROR = 2;

/** The options whose names people know from llama.cpp; `-ngl` has two letters, which no parser takes. */
const LLAMA_CPP_ALIASES: Readonly<Record<string, string>> = {
  '-ngl': '--gpu-layers',
  '--n-gpu-layers': '--gpu-layers',
  '--ctx-size': '--context-size',
  '--temp': '--temperature',
  '--n-predict': '--max-tokens',
};

const PULL_KEYS: readonly ConfigKey[] = [
  ...LOCAL_KEYS,
  'hfEndpoint',
  'allowedHosts',
  'pullSchemes',
  'pullConnections',
  'pullSegment',
  'pullStallMs',
  'diskBudget',
];

const WORKER_KEYS: readonly ConfigKey[] = ['dataDir', 'chromium', 'logLevel', 'logFormat'];

/** Parses the command line and runs it. Errors are one line with a code; nothing is thrown. */
export async function runCommandLine(environment: CommandEnvironment): Promise<void> {
  const argv = process.argv.map((argument) => {
    const [name = '', ...value] = argument.split('=');
    return [LLAMA_CPP_ALIASES[name] ?? name, ...value].join('=');
  });
  try {
    await program(environment).parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
      return;
    }
    const { code, message, cause } = asMixgateError(error);
    process.stderr.write(`${pc.red(code)} ${message}\n`);
    if (code === 'INTERNAL' && cause instanceof Error) process.stderr.write(`${cause.stack ?? ''}\n`);
    process.exitCode = 1;
  }
}

function program(environment: CommandEnvironment): Command {
  const root = new Command('mixgate')
    .description('One GraphQL schema for every local LLM runtime.')
    .version(environment.version)
    // What follows `history export` is export's, though `history` knows the option, too.
    .enablePositionalOptions()
    .configureOutput({
      outputError: (text, write) => write(`${pc.red('INVALID_INPUT')} ${text.replace('error: ', '')}`),
    })
    .exitOverride();

  const serveCommand = root.command('serve').description('Start the gateway.');
  addConfigOptions(serveCommand, CONFIG_KEYS).action(async (options: ConfigSource) =>
    (await import('./serve.ts')).serve(options, environment),
  );

  addRun(root, environment);
  addQuality(root, environment);
  addCompare(root, environment);
  addHistory(root, environment);
  addBench(root, environment);

  const plan = root
    .command('plan')
    .description('Tell what would be chosen and why, here or on a card that need not exist. Loads nothing.')
    .argument(
      '[model...]',
      'model id, GGUF files of one model, or a source such as hf:owner/repo (default: the demo model)',
    );
  addConfigOptions(addPlanOptions(plan), PULL_KEYS).action(async (names: string[], options: PlanOptions) =>
    (await import('./plan.ts')).printPlan(names, options, environment),
  );

  const models = root.command('models').description('List the models on this machine and their variants.');
  addConfigOptions(models.option('--json', JSON_HELP), LOCAL_KEYS).action(async (options: ModelsOptions) =>
    (await import('./models.ts')).printModels(options, environment),
  );

  addWeights(root, environment);
  addWorker(root);
  addKeys(root);

  const doctor = root
    .command('doctor')
    .description('Tell what this machine can run, and compare a load with its plan on each device.')
    .option('--no-load', 'load nothing')
    .option('--json', JSON_HELP);
  addConfigOptions(doctor, DOCTOR_KEYS).action(async (options: DoctorOptions) =>
    (await import('./doctor.ts')).examine(options, environment),
  );

  root
    .command('schema')
    .description('Print the GraphQL schema.')
    .option('--out <file>', 'write it to a file')
    .action(async (options: OutOption) => (await import('./print.ts')).printSchema(options));
  root
    .command('config')
    .description('Print the reference of the configuration.')
    .option('--out <file>', 'write it to a file')
    .action(async (options: OutOption) => (await import('./print.ts')).printConfigReference(options));
  return root;
}

function addWeights(root: Command, environment: CommandEnvironment): void {
  const pull = root
    .command('pull')
    .description('Bring weights to this machine: resumed where they stopped, and checked.')
    .argument(
      '[source...]',
      'hf:owner/repo[@revision][:QUANT], https://…, file:…; QUANT: Q4_K_M, several with commas, all, best',
    )
    .option('--sha256 <hex>', 'of a single file')
    .option('--manifest <file|url>', 'models to pull and set up')
    .option('--json', JSON_HELP);
  addConfigOptions(pull, PULL_KEYS).action(async (sources: string[], options: PullOptions) =>
    (await import('./pull.ts')).pullModels(sources, options, environment),
  );

  const remove = root
    .command('remove')
    .description('Delete the files of variants and tell how many bytes came back.')
    .argument('<variant...>', 'variant id, e.g. mixtral-8x7b-instruct-v0.1:Q4_K_M')
    .option('--all', 'all variants of a model')
    .option('--force', 'though it is loaded or in use')
    .option('--json', JSON_HELP);
  addConfigOptions(remove.addOption(API_KEY), LOCAL_KEYS).action(
    async (names: string[], options: RemoveOptions) =>
      (await import('./remove.ts')).removeModels(names, options, environment),
  );

  root
    .command('manifest')
    .description('Check a manifest; without one, print the JSON schema of manifests.')
    .argument('[file]', 'a manifest, JSON or YAML')
    .option('--out <file>', 'write the schema to a file')
    .action(async (file: string | undefined, options: OutOption) =>
      (await import('./print.ts')).printManifestSchema(file, options),
    );
}

function addWorker(root: Command): void {
  const worker = root
    .command('worker')
    .description('Lend this machine to a gateway through a browser: prints the link to open, or opens none.')
    .option('--headless', 'start a Chromium without a window that lends itself, and keep it up')
    .option('--gateway <url>', 'any address of it (default: the gateway that runs on the data folder)')
    .option('--key <key>', 'its worker key (default: MIXGATE_WORKER_KEY, or the one in the data folder)')
    .addOption(
      new Option('--api-key <key>', 'instead: an API key of the role worker or admin').env('MIXGATE_API_KEY'),
    )
    .option('--name <name>', "what people see (default: this machine's name)")
    .option('--memory <GiB>', 'how much it may take (default: what the page proposes)');
  addConfigOptions(worker, WORKER_KEYS).action(async (options: WorkerOptions) =>
    (await import('./worker.ts')).lendBrowser(options),
  );
}

function addRun(root: Command, environment: CommandEnvironment): void {
  const run = root
    .command('run')
    .description('Answer one prompt in the terminal and tell how long each stage took.')
    .argument('<prompt...>', 'the prompt');
  run
    .option('-m, --model <id|file>', 'model id, or a GGUF file (default: the embedded demo model)')
    .option('-q, --quantization <name>', 'pin a quantization, e.g. Q4_K_M (default: the planner chooses)');
  addSamplingOptions(run).option('--json', JSON_HELP);
  addConfigOptions(run, LOCAL_KEYS).action(async (words: string[], options: RunOptions) =>
    (await import('./run.ts')).runPrompt(words.join(' '), options, environment),
  );
}

function addQuality(root: Command, environment: CommandEnvironment): void {
  const quality = root
    .command('quality')
    .description(
      'Measure what each quantization makes of a text: perplexity, and divergence from a reference.',
    )
    .argument('<model>', 'model id, or a GGUF file')
    .requiredOption('--text <file>', 'the text; - for standard input')
    .option('--quantizations <names>', 'with commas, e.g. Q2_K,Q4_K_M (default: all on this machine)')
    .option('--reference <quantization>', 'measure divergence against it, e.g. F16')
    .addOption(
      new Option('--format <format>', 'running text, or a JSON document a line (docs/quality.md)')
        .choices(['text', 'documents'])
        .default('text'),
    )
    .option('-c, --context-size <tokens>', 'tokens of a window (default: 512)')
    .option('--max-windows <count>', 'only the first windows')
    .option('--device <id>', 'on this device only')
    .option('--json', JSON_HELP);
  addConfigOptions(quality, LOCAL_KEYS).action(async (model: string, options: QualityOptions) =>
    (await import('./quality.ts')).measureQuality(model, options, environment),
  );
}
