import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { ConfigSource } from '../config.ts';
import { messageOf, MixgateError } from '../errors.ts';
import { benchRequest, runBench, type BenchRequest } from '../generation/bench/bench.ts';
import { parsePromptSet, type BenchPrompt } from '../generation/bench/prompt-set.ts';
import { packaged } from '../package.ts';
import { json } from '../report/json.ts';
import type { ReportHead } from '../report/schema.ts';
import type { Services } from '../resolvers/services.ts';
import { benchSummary, benchView } from './bench-view.ts';
import type { CommandEnvironment } from './environment.ts';
import { withGateway } from './gateway.ts';
import { besideBrowser } from './headless-lane.ts';
import { onInterrupt } from './interrupt.ts';
import { lanesOf, scheduleOf } from './lanes.ts';
import { reportFiles, typedCommand, writeReports } from './report-files.ts';
import { RunSpool } from './run-spool.ts';
import { samplingOf } from './sampling-options.ts';

/** As the command line gives them: text, or absent. */
export interface BenchOptions extends ConfigSource {
  readonly lane: readonly string[];
  readonly prompts: string;
  readonly repetitions: string;
  readonly warmups: string;
  readonly report?: readonly string[];
  readonly system?: string;
  readonly raw?: boolean;
  readonly schedule?: string;
  readonly json?: boolean;
}

/**
 * `mixgate bench --lane LANE…`: a set of prompts over lanes, again and again; the figures go to standard output, what
 * lives to standard error. Exit code 1 unless everything ran and completed.
 */
export async function benchLanes(options: BenchOptions, environment: CommandEnvironment): Promise<void> {
  const files = reportFiles(options.report ?? []);
  const prompts = parsePromptSet(await setOf(options.prompts), options.prompts);
  // One slot: with several, one of them would still hold the prompt, and none were read.
  // What it measures is in its report; in the history only where that is asked for.
  const config = { logLevel: 'error', history: false, ...options, slots: '1' };
  await withGateway(config, environment, (services, parsed, gateway) =>
    besideBrowser(gateway, parsed, async () => {
      const request = await requestOf(prompts, options, services);
      const spool = await RunSpool.create();
      try {
        const head = await measured(request, services, { spool, isSilent: options.json === true });
        if (options.json === true)
          for await (const piece of json(head, spool.read())) process.stdout.write(piece);
        else process.stdout.write(benchSummary(head));
        await writeReports(files, head, () => spool.read());
        if (options.json !== true) for (const { file } of files) process.stderr.write(`wrote ${file}\n`);
        if (!isWhole(head)) process.exitCode = 1;
      } finally {
        await spool.dispose();
      }
    }),
  );
}

const isWhole = ({ incomplete, lanes }: ReportHead): boolean =>
  incomplete === null && lanes.every(({ summary }) => summary.failed + summary.cancelled === 0);

async function measured(
  request: BenchRequest,
  { comparisons, machine, version }: Services,
  { spool, isSilent }: { readonly spool: RunSpool; readonly isSilent: boolean },
): Promise<ReportHead> {
  const leave = new AbortController();
  const forget = onInterrupt(() => leave.abort());
  const view = benchView(isSilent);
  const services = { comparisons, machine, version, now: Date.now };
  try {
    for await (const event of runBench(request, services, {
      command: typedCommand(),
      signal: leave.signal,
    })) {
      if (event.type === 'ENDED') return event.head;
      if (event.type === 'FINISHED') await spool.add(event.runs);
      view.show(event);
    }
  } finally {
    view.stop();
    forget();
  }
  throw new MixgateError('INTERNAL', 'The bench ended without an end.');
}

const count = (value: string): number => Number(value);

async function requestOf(
  prompts: readonly BenchPrompt[],
  options: BenchOptions,
  services: Services,
): Promise<BenchRequest> {
  const { contextSize, gpuLayers, maxTokens, sampling } = samplingOf(options);
  const input = {
    prompts,
    lanes: await lanesOf(options.lane, { contextSize, gpuLayers }, services),
    system: options.system ?? null,
    isRaw: options.raw === true,
    schedule: scheduleOf(options.schedule),
    repetitions: count(options.repetitions),
    warmUps: count(options.warmups),
    sampling,
    maxTokens,
  };
  return benchRequest(input, services.settings.sampling);
}

/** The name of a set that comes with mixgate, a file, or `-` for standard input. */
async function setOf(name: string): Promise<string> {
  try {
    if (name === '-') return await text(process.stdin);
    const isShipped = /^[a-z][a-z0-9-]*$/.test(name);
    return await readFile(isShipped ? shipped(name) : name, 'utf8');
  } catch (error) {
    throw new MixgateError(
      'INVALID_INPUT',
      `--prompts ${name} cannot be read: ${messageOf(error)}. Give a JSONL file, or article.`,
    );
  }
}

const shipped = (name: string): string => packaged(`prompts/${name}.jsonl`);
