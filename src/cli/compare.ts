import { existsSync } from 'node:fs';
import pc from 'picocolors';
import type { ConfigSource } from '../config.ts';
import { MixgateError } from '../errors.ts';
import type { Comparison } from '../generation/comparison/comparison.ts';
import { comparisonRequest, type ComparisonRequest } from '../generation/comparison/comparison-request.ts';
import type { Services } from '../resolvers/services.ts';
import { answers, liveTable, measurements, partings, scheduleLine } from './compare-view.ts';
import type { CommandEnvironment } from './environment.ts';
import { withGateway } from './gateway.ts';
import { samplingOf } from './sampling-options.ts';
import { subjectOf } from './subject.ts';

/** As the command line gives them: text, or absent. */
export interface CompareOptions extends ConfigSource {
  readonly prompt: string;
  readonly system?: string;
  readonly raw?: boolean;
  readonly schedule?: string;
  readonly json?: boolean;
}

/** `mixgate compare LANE LANE…`: the answers and what was measured go to standard output, the live table to standard error. */
export async function compareLanes(
  lanes: readonly string[],
  options: CompareOptions,
  environment: CommandEnvironment,
): Promise<void> {
  await withGateway({ logLevel: 'error', ...options }, environment, async (services) => {
    const comparison = await services.comparisons.start(await request(lanes, options, services), 'terminal');
    process.once('SIGINT', () => void services.comparisons.cancel(comparison.id));
    const isJson = options.json === true;
    if (!isJson) process.stderr.write(`${pc.dim(scheduleLine(comparison.schedule))}\n`);
    const live = isJson ? null : liveTable(comparison);
    const events = comparison.log.read(0, new AbortController().signal);
    while ((await events.next()).done !== true);
    live?.stop();
    process.stdout.write(isJson ? `${JSON.stringify(document(comparison))}\n` : text(comparison));
    if (comparison.lanes.some(({ generation }) => generation.state !== 'COMPLETED')) process.exitCode = 1;
  });
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

const SCHEDULES = ['auto', 'together', 'in-turn'];

async function request(
  lanes: readonly string[],
  options: CompareOptions,
  services: Services,
): Promise<ComparisonRequest> {
  const { prompt, system, raw, schedule = 'auto' } = options;
  if (!SCHEDULES.includes(schedule))
    throw new MixgateError('INVALID_INPUT', `--schedule: must be ${SCHEDULES.join(', ')}.`);
  const messages = [
    ...(system === undefined ? [] : [{ role: 'SYSTEM', content: system }]),
    { role: 'USER', content: prompt },
  ];
  const { contextSize, gpuLayers, maxTokens, sampling } = samplingOf(options);
  const places = [];
  for (const lane of lanes)
    places.push({ ...(await placeOf(lane, services)), label: lane.slice(0, 200), contextSize, gpuLayers });
  const input = {
    prompt: raw === true ? { text: prompt } : { messages },
    lanes: places,
    sampling,
    maxTokens,
    schedule: schedule.toUpperCase().replace('-', '_'),
    onDisconnect: 'CONTINUE',
  };
  return comparisonRequest(input, services.settings.sampling);
}

/** `MODEL[:QUANT][@DEVICE_OR_BACKEND]`; a model may be a GGUF file. */
async function placeOf(lane: string, { catalog, machine }: Services) {
  const at = existsSync(lane) ? -1 : lane.lastIndexOf('@');
  const [name, place] = at === -1 ? [lane, null] : [lane.slice(0, at), lane.slice(at + 1)];
  const isBackend = machine.backends.some(({ id }) => id === place);
  const where = isBackend ? { backend: place } : { device: place };
  const colon = existsSync(name) ? -1 : name.lastIndexOf(':');
  if (colon !== -1) return { ...where, model: name.slice(0, colon), quantization: name.slice(colon + 1) };
  return { ...where, ...(await subjectOf([name], catalog)) };
}
