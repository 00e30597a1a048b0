import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { configFileOf, loadConfig, type Config, type ConfigSource } from '../config.ts';
import { messageOf } from '../errors.ts';
import { LiveConfig } from '../live-config.ts';
import { createLog, logFormatOf, type Log } from '../log.ts';
import { createSchema } from '../resolvers/schema.ts';
import type { Services } from '../resolvers/services.ts';
import { Metrics } from '../server/metrics.ts';
import { startServer, type Server } from '../server/server.ts';
import type { Tracing } from '../tracing/trace.ts';
import { startTracing } from '../tracing/start-tracing.ts';
import { lockDataFolder } from './data-folder-lock.ts';
import type { CommandEnvironment, Gateway } from './environment.ts';
import { checkExposure, exposureLine, lendLine } from './exposure.ts';
import { backendProblems, gib, planLine } from './format.ts';
import { OwnBrowser } from './own-browser.ts';
import { rereadConfig } from './reconfigure.ts';
import { announceGateway } from './running-gateway.ts';

/**
 * `mixgate serve`: runs until SIGTERM or SIGINT, which drain and exit 0; a second one exits at once. SIGHUP rereads the
 * configuration.
 */
export async function serve(
  flags: ConfigSource,
  { version, createGateway }: CommandEnvironment,
): Promise<void> {
  const live = new LiveConfig(() => loadConfig(flags, process.env), Date.now);
  const { config } = live;
  const log = createLog({ level: config.logLevel, format: logFormatOf(config.logFormat) });
  // Before anything in it is read or written.
  const unlock = lockDataFolder(config.dataDir, log);
  const metrics = new Metrics();
  const traces = await startTracing({ traces: config.traces, environment: process.env, version, log });
  const gateway = await createGateway(config, log, metrics);
  const { services } = gateway;
  await orDisposed(gateway, checkExposure(config, gateway.access));
  await startWork(config, services, { metrics, log });
  const tracing = traces?.tracing ?? null;
  const server = await orDisposed(gateway, listen(gateway, { live, tracing, metrics, log }));
  const browser = new OwnBrowser({ config, page: { gateway: server.url, key: gateway.workerKey }, log });
  const problem = await browser.start();

  const withdraw = announceGateway(config.dataDir, server.url);
  process.once('exit', withdraw);
  const stop = once(async () => {
    const reread = endRereading();
    await drain({ config, services, server, log });
    await reread;
    await browser.stop();
    await server.close();
    await gateway.dispose();
    await traces?.stop();
    withdraw();
    unlock();
    log.info('server.stopped', {});
    process.exit(0);
  });
  const endRereading = rereadConfig({
    live,
    file: configFileOf(flags, process.env),
    log,
    onChange: async (changed) => {
      await gateway.reconfigure(changed);
      if (changed.has('webgpuHeadless') || changed.has('chromium')) await browser.start();
      if (changed.has('manifests')) void importAll(config.manifests, services, log);
    },
    onHangUp: stop,
  });
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  log.info('server.listening', { url: server.url });
  process.stderr.write(await banner(server.url, gateway, config));
  if (problem !== null) process.stderr.write(`${pc.yellow('No browser without a window')}: ${problem}\n\n`);
  process.stdout.write(`ready ${server.url}\n`);
}

/** Where that fails, the gateway goes again. */
const orDisposed = <Result>(gateway: Gateway, work: Promise<Result>): Promise<Result> =>
  work.catch(async (error: unknown) => {
    await gateway.dispose();
    throw error;
  });

interface Listening {
  readonly live: LiveConfig;
  readonly tracing: Tracing | null;
  readonly metrics: Metrics;
  readonly log: Log;
}

const listen = async (
  { services, access, weights }: Gateway,
  { live, ...rest }: Listening,
): Promise<Server> =>
  startServer({
    schema: await createSchema(),
    ...{ services, access, weights, ...rest },
    ...{ host: live.config.host, port: live.config.port, exposure: live.config },
    pagesFolder: fileURLToPath(new URL('..', import.meta.url)),
    configStatus: () => live.status,
  });

/** The second call exits at once. */
function once(stop: () => Promise<void>): () => void {
  let isStopping = false;
  return () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    void stop();
  };
}

/** What goes on by itself. */
async function startWork(
  config: Config,
  services: Services,
  { metrics, log }: { readonly metrics: Metrics; readonly log: Log },
): Promise<void> {
  const { settings, pulls, manifests, archive, catalog } = services;
  settings.onChange = pulls.onCompleted = () => void manifests.loadPinned();
  pulls.onEnded = (state) => metrics.pullEnded(state);
  await pulls.resume();
  archive.history.start();
  void importAll(config.manifests, services, log);
  await catalog.watch(config.watchModels);
}

interface Draining {
  readonly config: Pick<Config, 'drainMs'>;
  readonly services: Services;
  readonly server: Server;
  readonly log: Log;
}

/** Takes no more work, and lets what runs end for a while. */
async function drain({ config, services, server, log }: Draining): Promise<void> {
  const { generations, comparisons, evaluations } = services;
  const { drainMs: limitMs } = config;
  log.info('server.draining', { running: generations.running, limitMs });
  server.drain();
  await Promise.all([generations.drain(limitMs), evaluations.drain(limitMs)]);
  await comparisons.drain();
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
async function banner(url: string, gateway: Gateway, config: Config): Promise<string> {
  const { catalog, machine, planner } = gateway.services;
  const devices = machine
    .devices()
    .map(
      ({ name, kind, memoryFreeBytes, memoryTotalBytes }) =>
        `  ${pc.bold(kind)} ${name}, ${gib(memoryFreeBytes)} free of ${gib(memoryTotalBytes)}`,
    );
  const problems = backendProblems(machine);
  const [model] = catalog.models();
  const access = await exposureLine(config, gateway.access);
  if (model === undefined)
    return `${access}\n${pc.yellow('No models found')}: add a folder with --models-dir.\n`;
  const plan = await planLine(model.id, planner);
  const query = `subscription { generate(input: { model: \\"${model.id}\\", prompt: { messages: [{ role: USER, content: \\"Alas, a wild unicorn is approaching! As a llama, what should I do?\\" }] } }) { sequence ... on TokenChunk { text } ... on GenerationCompleted { finishReason } ... on GenerationFailed { error { message } } } }`;
  return [
    '',
    `${pc.bold('mixgate')} listens at ${pc.cyan(url)}: open ${pc.cyan(new URL('/', url).href)} in a browser to try it.`,
    access,
    `Devices:`,
    ...devices,
    ...problems.map((problem) => `  ${pc.yellow(problem)}`),
    `Models: ${catalog
      .models()
      .map(({ id, variants }) => `${id} (${variants.length} quantizations)`)
      .join(', ')}`,
    `Plan: ${plan}`,
    lendLine(url, gateway.workerKey, config),
    `Try it:`,
    `  curl -N ${url}/stream ${gateway.access.isOpen ? '' : `-H "authorization: Bearer $MIXGATE_API_KEY" `}-H 'content-type: application/json' -H 'accept: text/event-stream' \\`,
    `    -d '{"query":"${query}"}'`,
    '',
    '',
  ].join('\n');
}
