import type { Command } from 'commander';
import type { ConfigKey } from '../config.ts';
import type { BenchOptions } from './bench.ts';
import type { CompareOptions } from './compare.ts';
import { addConfigOptions, JSON_HELP, listed, LOCAL_KEYS } from './config-options.ts';
import type { CommandEnvironment } from './environment.ts';
import { addSamplingOptions } from './sampling-options.ts';

/** For lanes in a browser. */
const LANE_KEYS: readonly ConfigKey[] = [...LOCAL_KEYS, 'webgpuHeadless', 'chromium'];

const REPORT_HELP = 'write a report: .md, .csv, .json or .html; several times for several';

/** `mixgate compare`. */
export function addCompare(root: Command, environment: CommandEnvironment): void {
  const compare = root
    .command('compare')
    .description('Answer one prompt in several places and show texts, timings and memory side by side.')
    .argument(
      '<lane...>',
      '2 to 8 places: MODEL[:QUANT][@DEVICE_OR_BACKEND], e.g. mixtral:Q2_K@llama-cpp:cpu; MODEL may be a GGUF file',
    )
    .requiredOption('-p, --prompt <text>', 'the prompt')
    .option('--schedule <name>', 'auto, together or in-turn (default: auto)')
    .option('--report <file>', REPORT_HELP, listed);
  addSamplingOptions(compare).option('--json', JSON_HELP);
  addConfigOptions(compare, LANE_KEYS).action(async (lanes: string[], options: CompareOptions) =>
    (await import('./compare.ts')).compareLanes(lanes, options, environment),
  );
}

/** `mixgate bench`. */
export function addBench(root: Command, environment: CommandEnvironment): void {
  const bench = root
    .command('bench')
    .description('Run a set of prompts over lanes, several times, and report medians, spreads and answers.')
    .requiredOption('--lane <lane>', 'a place, as of compare; 1 to 8 of them', listed)
    .option(
      '--prompts <set>',
      'article, which comes with mixgate, or a JSONL file; - for standard input',
      'article',
    )
    .option('--repetitions <count>', 'how often each prompt runs; each time with the next seed', '3')
    .option('--warmups <count>', 'runs before, which are not counted', '1')
    .option('--schedule <name>', 'auto, together or in-turn (default: auto)')
    .option('--report <file>', REPORT_HELP, listed);
  addSamplingOptions(bench).option('--json', JSON_HELP);
  addConfigOptions(bench, LANE_KEYS).action(async (options: BenchOptions) =>
    (await import('./bench.ts')).benchLanes(options, environment),
  );
}
