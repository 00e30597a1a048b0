import pc from 'picocolors';
import { SEES_ALL } from '../access/ownership.ts';
import type { ConfigSource } from '../config.ts';
import { reportOf } from '../generation/bench/builder.ts';
import type { Comparison } from '../generation/comparison/comparison.ts';
import { comparisonRequest, type ComparisonRequest } from '../generation/comparison/comparison-request.ts';
import type { Services } from '../resolvers/services.ts';
import { answers, liveTable, measurements, partings, scheduleLine } from './compare-view.ts';
import type { CommandEnvironment } from './environment.ts';
import { withGateway } from './gateway.ts';
import { besideBrowser } from './headless-lane.ts';
import { onInterrupt } from './interrupt.ts';
import { lanesOf, scheduleOf } from './lanes.ts';
import { reportFiles, typedCommand, writeReports } from './report-files.ts';
import { samplingOf } from './sampling-options.ts';

/** As the command line gives them: text, or absent. */
export interface CompareOptions extends ConfigSource {
  readonly prompt: string;
  readonly system?: string;
  readonly raw?: boolean;
  readonly schedule?: string;
  readonly report?: readonly string[];
  readonly json?: boolean;
}

/** `mixgate compare LANE LANE…`: the answers and what was measured go to standard output, the live table to standard error. */
export async function compareLanes(
  lanes: readonly string[],
  options: CompareOptions,
  environment: CommandEnvironment,
): Promise<void> {
  const files = reportFiles(options.report ?? []);
  await withGateway({ logLevel: 'error', ...options }, environment, (services, config, gateway) =>
    besideBrowser(gateway, config, async () => {
      const comparison = await compared(lanes, options, services);
      const isJson = options.json === true;
      process.stdout.write(isJson ? `${JSON.stringify(document(comparison))}\n` : text(comparison));
      const { machine, version } = services;
      const { head, runs } = reportOf(comparison, { machine, version, command: typedCommand() });
      await writeReports(files, head, () => runs);
      if (comparison.lanes.some(({ generation }) => generation.state !== 'COMPLETED')) process.exitCode = 1;
    }),
  );
}

/** Runs it to its end. */
async function compared(
  lanes: readonly string[],
  options: CompareOptions,
  services: Services,
): Promise<Comparison> {
  const comparison = await services.comparisons.start(await request(lanes, options, services), 'terminal');
  const forget = onInterrupt(() => void services.comparisons.cancel(comparison.id, SEES_ALL));
  const isJson = options.json === true;
  if (!isJson) process.stderr.write(`${pc.dim(scheduleLine(comparison.schedule))}\n`);
  const live = isJson ? null : liveTable(comparison);
  const events = comparison.log.read(0, new AbortController().signal);
  while ((await events.next()).done !== true);
  live?.stop();
  forget();
  return comparison;
}

const text = (comparison: Comparison): string =>
  `${answers(comparison)}\n${partings(comparison)}${measurements(comparison)}\n`;

const document = (comparison: Comparison): object => ({
  schedule: comparison.schedule,
  lanes: comparison.lanes.map(({ label, generation }, index) => {
    const {
      state,
      text: answer,
      finishReason,
      error,
      plan,
      usage,
      timings,
      seed,
      measuredBytes,
    } = generation;
    return {
      label,
      ...{ state, text: answer, finishReason, error, plan, usage, timings, seed },
      memoryBytes: measuredBytes,
      energyPerTokenJoules: comparison.energyPerToken(index),
      divergence: divergenceOf(comparison, index),
    };
  }),
});

function divergenceOf(comparison: Comparison, lane: number): object | null {
  const divergence = comparison.divergence(lane);
  return divergence === null ? null : { ...divergence, candidates: comparison.candidates(lane) };
}

async function request(
  lanes: readonly string[],
  options: CompareOptions,
  services: Services,
): Promise<ComparisonRequest> {
  const { prompt, system, raw, schedule } = options;
  const messages = [
    ...(system === undefined ? [] : [{ role: 'SYSTEM', content: system }]),
    { role: 'USER', content: prompt },
  ];
  const { contextSize, gpuLayers, maxTokens, sampling } = samplingOf(options);
  const input = {
    prompt: raw === true ? { text: prompt } : { messages },
    lanes: await lanesOf(lanes, { contextSize, gpuLayers }, services),
    sampling,
    maxTokens,
    schedule: scheduleOf(schedule),
    onDisconnect: 'CONTINUE',
  };
  return comparisonRequest(input, services.settings.sampling);
}
