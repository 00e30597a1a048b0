import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { startHeadless } from '../backends/webgpu/headless/headless.ts';
import type { Supervisor } from '../backends/webgpu/headless/supervisor.ts';
import { loadConfig, type Config, type ConfigSource } from '../config.ts';
import { messageOf } from '../errors.ts';
import { createLog, logFormatOf, type Log } from '../log.ts';
import { createSchema } from '../resolvers/schema.ts';
import type { Services } from '../resolvers/services.ts';
import { Metrics } from '../server/metrics.ts';
import { startServer } from '../server/server.ts';
import { startTracing } from '../tracing/start-tracing.ts';
import type { CommandEnvironment } from './environment.ts';
import { backendProblems, gib, planLine } from './format.ts';
import { announceGateway } from './running-gateway.ts';

/** `mixgate serve`: runs until SIGTERM or SIGINT, which drain and exit 0; a second one exits at once. */
export async function serve(
  flags: ConfigSource,
  { version, createGateway }: CommandEnvironment,
): Promise<void> {
  const config = loadConfig(flags, process.env);
  const log = createLog({ level: config.logLevel, format: logFormatOf(config.logFormat) });
  const metrics = new Metrics();
  const traces = await startTracing({ traces: config.traces, environment: process.env, version, log });
  const { services, weights, workerKey, dispose } = await createGateway(config, log, metrics);
  let isDraining = false;
  services.settings.onChange = services.pulls.onCompleted = () => void services.manifests.loadPinned();
  services.pulls.onEnded = (state) => metrics.pullEnded(state);
  await services.pulls.resume();
  services.archive.history.start();
  void importAll(config.manifests, services, log);
  await services.catalog.watch(config.watchModels);
  const server = await startServer({
    schema: await createSchema(),
    services,
    host: config.host,
    port: config.port,
    log,
    metrics,
    tracing: traces?.tracing ?? null,
    weights,
    pagesFolder: fileURLToPath(new URL('..', import.meta.url)),
    isReady: () => !isDraining,
  }).catch(async (error: unknown) => {
    await dispose();
    throw error;
  });

  const { headless, problem } = lendHeadless(config, { gateway: server.url, key: workerKey }, log);
  const stop = async (): Promise<void> => {
    if (isDraining) process.exit(1);
    isDraining = true;
    log.info('server.draining', { running: services.generations.running });
    await services.generations.drain(config.drainMs);
    await services.comparisons.drain();
    await headless?.stop();
    await server.close();
    await dispose();
    await traces?.stop();
    log.info('server.stopped', {});
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());

  const withdraw = announceGateway(config.dataDir, server.url);
  process.once('exit', withdraw);
  log.info('server.listening', { url: server.url });
  process.stderr.write(await banner(server.url, services, workerKey));
  if (problem !== null) process.stderr.write(`${pc.yellow('No browser without a window')}: ${problem}\n\n`);
  process.stdout.write(`ready ${server.url}\n`);
}

/** A gateway without Chromium is one all the same. */
function lendHeadless(
  { webgpuHeadless, chromium }: Config,
  gateway: { readonly gateway: string; readonly key: string },
  log: Log,
): { headless: Supervisor | null; problem: string | null } {
  if (!webgpuHeadless) return { headless: null, problem: null };
  try {
    const page = { ...gateway, name: 'headless', memoryGib: null };
    return { headless: startHeadless({ page, chromium, log }), problem: null };
  } catch (error) {
    const problem = messageOf(error);
    log.error('headless.unavailable', { reason: problem });
    return { headless: null, problem };
  }
}

/** What a manifest asks for may take hours: the gateway does not wait for it. */
async function importAll(places: readonly string[], { manifests }: Services, log: Log): Promise<void> {
  for (const place of places)
    await manifests
      .import(place)
      .catch((error: unknown) => log.error('manifest.failed', { manifest: place, reason: messageOf(error) }));
  await manifests.loadPinned();
}

/** What a person wants to know first, and something to paste. */
async function banner(
  url: string,
  { catalog, machine, planner }: Services,
  workerKey: string,
): Promise<string> {
  const devices = machine
    .devices()
    .map(
      ({ name, kind, memoryFreeBytes, memoryTotalBytes }) =>
        `  ${pc.bold(kind)} ${name}, ${gib(memoryFreeBytes)} free of ${gib(memoryTotalBytes)}`,
    );
  const problems = backendProblems(machine);
  const [model] = catalog.models();
  if (model === undefined) return `${pc.yellow('No models found')}: add a folder with --models-dir.\n`;
  const plan = await planLine(model.id, planner);
  const query = `subscription { generate(input: { model: \\"${model.id}\\", prompt: { messages: [{ role: USER, content: \\"Alas, a wild unicorn is approaching! As a llama, what should I do?\\" }] } }) { sequence ... on TokenChunk { text } ... on GenerationCompleted { finishReason } ... on GenerationFailed { error { message } } } }`;
  return [
    '',
    `${pc.bold('mixgate')} listens at ${pc.cyan(url)}: open ${pc.cyan(new URL('/', url).href)} in a browser to try it.`,
    `Devices:`,
    ...devices,
    ...problems.map((problem) => `  ${pc.yellow(problem)}`),
    `Models: ${catalog
      .models()
      .map(({ id, variants }) => `${id} (${variants.length} quantizations)`)
      .join(', ')}`,
    `Plan: ${plan}`,
    `Lend a browser: ${pc.cyan(`${new URL('/worker/', url).href}#key=${encodeURIComponent(workerKey)}`)}`,
    `Try it:`,
    `  curl -N ${url}/stream -H 'content-type: application/json' -H 'accept: text/event-stream' \\`,
    `    -d '{"query":"${query}"}'`,
    '',
    '',
  ].join('\n');
}
