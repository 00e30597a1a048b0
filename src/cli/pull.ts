import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import pc from 'picocolors';
import type { ConfigSource } from '../config.ts';
import { MixgateError } from '../errors.ts';
import type { PullView } from '../models/pull/pull.ts';
import type { Services } from '../resolvers/services.ts';
import type { CommandEnvironment } from './environment.ts';
import { gib } from './format.ts';
import { withGateway } from './gateway.ts';

export interface PullOptions extends ConfigSource {
  readonly sha256?: string;
  readonly manifest?: string;
  readonly json?: boolean;
}

const INTERRUPTED = 130;

/**
 * `mixgate pull SOURCE…`: shows progress until all have ended. Exit code 1 when one failed; after Ctrl+C what was
 * fetched is kept, and the same command goes on.
 */
export async function pullModels(
  sources: readonly string[],
  options: PullOptions,
  environment: CommandEnvironment,
): Promise<void> {
  await withGateway({ logLevel: 'error', ...options }, environment, async (services) => {
    const pulls = await start(sources, options, services);
    if (pulls.length === 0 && options.json !== true)
      process.stdout.write('Nothing to pull: its settings are stored.\n');
    process.once('SIGINT', () => void services.pulls.close());
    const view = options.json === true ? silent() : process.stderr.isTTY ? bars() : lines();
    const ended = await Promise.all(pulls.map(({ id }) => follow(id, services, view)));
    view.stop();
    if (options.json === true) process.stdout.write(`${JSON.stringify(ended)}\n`);
    else process.stdout.write(ended.map((pull) => outcome(pull, services)).join(''));
    if (ended.some(({ state }) => state !== 'COMPLETED'))
      process.exitCode = ended.some(({ finishedAt }) => finishedAt === null) ? INTERRUPTED : 1;
  });
}

async function start(
  sources: readonly string[],
  { sha256, manifest }: PullOptions,
  services: Services,
): Promise<readonly PullView[]> {
  if (sources.length === 0 && manifest === undefined)
    throw new MixgateError('INVALID_INPUT', 'Give a source, such as hf:owner/repo:Q4_K_M, or --manifest.');
  if (sources.length > 1 && sha256 !== undefined)
    throw new MixgateError('INVALID_INPUT', '--sha256 is of one file: give one source with it.');
  for (const source of sources) services.pulls.check(source);
  const listed = manifest === undefined ? [] : await services.manifests.import(manifest);
  const wishes = sha256 === undefined ? {} : { sha256 };
  const started = await Promise.all(sources.map((source) => services.pulls.start(source, wishes)));
  return [...listed, ...started.map((pull) => pull.view())];
}

/** How progress is shown. */
interface View {
  show(pull: PullView): void;
  stop(): void;
}

/** The last state; not an ended one when the command is interrupted. */
async function follow(id: string, { pulls }: Services, view: View): Promise<PullView> {
  for await (const pull of pulls.events(id)) view.show(pull);
  const last = pulls.get(id).view();
  view.show(last);
  return last;
}

const silent = (): View => ({ show: () => undefined, stop: () => undefined });

/** A line at every change of state, for files and pipes. */
function lines(): View {
  const told = new Map<string, string>();
  return {
    show({ id, source, state, totalBytes }) {
      if (told.get(id) === state) return;
      told.set(id, state);
      const size = totalBytes === null ? '' : ` ${gib(totalBytes)}`;
      process.stderr.write(`${source}: ${state.toLowerCase()}${size}\n`);
    },
    stop: () => undefined,
  };
}

function bars(): View {
  const format = '{source} {state} {bar} {percentage}% {received} of {size} {rate} {left}';
  const multi = new MultiBar(
    { format, hideCursor: true, clearOnComplete: false, stopOnComplete: false },
    Presets.shades_classic,
  );
  const shown = new Map<string, SingleBar>();
  return {
    show(pull) {
      const bar = shown.get(pull.id) ?? multi.create(1, 0, figures(pull));
      shown.set(pull.id, bar);
      const total = pull.totalBytes ?? 0;
      const done = pull.state === 'VERIFYING' ? pull.verifiedBytes : pull.receivedBytes;
      bar.setTotal(Math.max(1, total));
      bar.update(pull.state === 'COMPLETED' ? Math.max(1, total) : done, figures(pull));
    },
    stop: () => multi.stop(),
  };
}

const figures = ({ source, state, receivedBytes, totalBytes, bytesPerSecond, secondsLeft }: PullView) => ({
  source: pc.bold(source),
  state: state.toLowerCase(),
  received: gib(receivedBytes),
  size: totalBytes === null ? '?' : gib(totalBytes),
  rate: bytesPerSecond === null ? '' : `${gib(bytesPerSecond)}/s`,
  left: secondsLeft === null ? '' : `${duration(secondsLeft)} left`,
});

/** `2 h 05 min`, `3 min 20 s`, `12 s`. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const padded = (count: number) => String(count).padStart(2, '0');
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${padded(Math.floor((whole % 3600) / 60))} min`;
  return whole >= 60 ? `${Math.floor(whole / 60)} min ${padded(whole % 60)} s` : `${whole} s`;
}

function outcome({ source, state, error, variantIds, totalBytes, reasons }: PullView, { catalog }: Services) {
  if (state === 'COMPLETED') {
    const names = variantIds.filter((id) => catalog.availability(id) === 'LOCAL').join(', ');
    const why = reasons.map((reason) => `  ${pc.dim(reason)}\n`).join('');
    return `${pc.green('✓')} ${source}: ${names} (${gib(totalBytes ?? 0)})\n${why}`;
  }
  if (error !== null) return `${pc.red('✗')} ${source}: ${pc.red(error.code)} ${error.message}\n`;
  return `${pc.yellow('!')} ${source}: stopped; the same command goes on where it was.\n`;
}
