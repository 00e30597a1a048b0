#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LlamaCpp } from './backends/llama-cpp/adapter.ts';
import { supervise } from './backends/supervise.ts';
import { WebGpu, type Published } from './backends/webgpu/adapter.ts';
import { publishFolder } from './backends/webgpu/publish-folder.ts';
import { runCommandLine } from './cli/command-line.ts';
import type { Gateway, GatewayOptions } from './cli/environment.ts';
import type { Config } from './config.ts';
import { Comparisons, type ComparisonsOptions } from './generation/comparison/comparisons.ts';
import { DeviceEnergy } from './generation/comparison/energy.ts';
import { NvidiaEnergy } from './generation/comparison/nvidia-energy.ts';
import { RaplEnergy } from './generation/comparison/rapl-energy.ts';
import { MemoryComparisonStore } from './generation/comparison/store.ts';
import type { HistoryStore } from './generation/history/history-store.ts';
import { Archive } from './generation/history/archive.ts';
import { History } from './generation/history/history.ts';
import { Generations } from './generation/generations.ts';
import { BrowserWorkers } from './generation/browser-workers.ts';
import { loadModel } from './generation/load-model.ts';
import { Machine } from './generation/machine.ts';
import { Manifests } from './generation/manifests.ts';
import type { Observer } from './generation/observer.ts';
import { Planner } from './generation/planner.ts';
import type { ModelLoadRequest } from './generation/request.ts';
import { Evaluations } from './generation/quality/evaluations.ts';
import { ReferenceFolder } from './generation/quality/reference-folder.ts';
import { ResidencyLoop } from './generation/residency-loop.ts';
import type { OnTokens } from './generation/token-count.ts';
import { createRateLimits } from './limits/rate-limits.ts';
import type { Log } from './log.ts';
import { openPostgres } from './store/postgres.ts';
import { openSqliteThread } from './store/sqlite-thread.ts';
import { PublishedWeights } from './server/published-weights.ts';
import { bestBy } from './generation/plan-source.ts';
import { filesForBrowser, identityOf } from './models/browser-files.ts';
import { Catalog } from './models/catalog.ts';
import { FileHashes } from './models/file-hashes.ts';
import { servedFolder } from './models/mlc-served.ts';
import { ModelLibraries } from './models/model-libraries.ts';
import { ModelSettingsStore } from './models/model-settings.ts';
import { AddressPolicy } from './models/pull/address-policy.ts';
import { DiskRoom } from './models/pull/disk-room.ts';
import { Http } from './models/pull/http.ts';
import { VerifiedFiles } from './models/pull/verified-files.ts';
import { Inspections } from './models/pull/inspections.ts';
import { Pulls, type PullsOptions } from './models/pull/pulls.ts';

/** Composition root: the one place that constructs things. */

const root = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const { version } = JSON.parse(readFileSync(root('package.json'), 'utf8')) as { version: string };

/** Builds the gateway and, unless told not to, reads the models folders and asks the backends for their devices. */
async function createGateway(
  config: Config,
  log: Log,
  observer: Observer,
  { looksAround = true }: GatewayOptions = {},
): Promise<Gateway> {
  // Where that cannot be, pulling says so; everything else works without.
  await mkdir(ownFolder(config), { recursive: true }).catch(() => undefined);
  const catalog = createCatalog(config, log);
  const settings = new ModelSettingsStore(path.join(config.dataDir, 'model-settings.json'));
  const http = createHttp(config);
  const { publish, ...browsers } = await createPublishing(config, { catalog, http, log });
  const webGpu = new WebGpu({
    leaseMs: config.workerLeaseMs,
    publish,
    onChange: () => machine.invalidate(),
    log,
  });
  const backends = [createLlamaCpp(config, log), webGpu].map(supervise);
  const margins = { deviceBytes: config.deviceMargin, hostBytes: config.hostMargin };
  const machine: Machine = new Machine({ backends, margins, log, now: Date.now });
  const residency = new ResidencyLoop({
    ...{ backends, log, now: Date.now, observer, mostHeld: orNone(config.maxRunningPerCaller) },
    weightsOf: weightsIn(catalog, settings),
    onMemoryChange: () => machine.invalidate(),
  });
  const planner = new Planner({ catalog, machine, occupants: () => residency.occupants() });
  const load = (request: ModelLoadRequest) =>
    loadModel(request, 'pinned', { planner, machine, residency, observer });
  const { close, ...pulling } = createPulling(config, { catalog, http, settings, planner, load, log });
  const archive = new Archive(createHistory(config, log), catalog);
  const rates = createRateLimits(config);
  const onTokens: OnTokens = (callerId, tokens) => rates.tokens.spend(callerId, tokens);
  const running = { planner, machine, residency, archive, observer, log, onTokens };
  const generations = new Generations({ ...running, now: Date.now, ...generationLimits(config) });
  const folder = new ReferenceFolder(path.join(config.dataDir, 'cache', 'quality'));
  const evaluations = new Evaluations({ ...running, catalog, folder, now: Date.now });
  const comparisons = createComparisons(config, { ...running, catalog, generations });
  if (looksAround) await Promise.all([catalog.scan(), machine.refresh(), folder.sweep()]);
  return {
    ...browsers,
    services: {
      ...{ version, catalog },
      ...pulling,
      workers: new BrowserWorkers(webGpu, browsers.workerKey),
      settings,
      machine,
      planner,
      residency,
      generations,
      evaluations,
      comparisons,
      ...{ archive, observer, rates },
    },
    dispose: async () => {
      await Promise.all([close(), catalog.close(), evaluations.close()]);
      await Promise.all(backends.map((backend) => backend.dispose()));
      await archive.history.close();
    },
  };
}

/** What a runtime opens for a variant. */
const weightsIn = (catalog: Catalog, settings: ModelSettingsStore) => (variantId: string) => {
  const { path: place, modelId } = catalog.variant(variantId);
  return { path: place, chatTemplate: settings.get(modelId)?.chatTemplate ?? null };
};

function createComparisons(
  config: Config,
  services: Omit<ComparisonsOptions, 'store' | 'energy' | 'now' | 'disconnectGraceMs'>,
): Comparisons {
  const { disconnectGraceMs, keepEnded } = generationLimits(config);
  return new Comparisons({
    ...services,
    store: new MemoryComparisonStore({ keepEnded, now: Date.now }),
    energy: new DeviceEnergy({ nvidia: new NvidiaEnergy(), cpu: new RaplEnergy() }),
    now: Date.now,
    disconnectGraceMs,
  });
}

const DAY_MS = 86_400_000;
/** Changes that may wait for a database that is away. */
const HISTORY_PENDING = { count: 10_000, bytes: 64 * 2 ** 20 };
const HISTORY_RETRY_MS = { first: 500, most: 30_000 };
const HISTORY_SWEEP_MS = 60_000;

/** Opened when it is first needed: what keeps nothing touches no database. */
function createHistory(config: Config, log: Log): History {
  const { history, historyUrl, historyKeepDays, historyMaxBytes, dataDir } = config;
  const open = (): Promise<HistoryStore> =>
    historyUrl === null ? openSqliteThread(path.join(dataDir, 'history.db')) : openPostgres(historyUrl);
  return new History({
    open: history ? open : null,
    keep: {
      ms: historyKeepDays === 0 ? null : historyKeepDays * DAY_MS,
      bytes: historyMaxBytes === 0 ? null : historyMaxBytes,
    },
    pending: HISTORY_PENDING,
    retryMs: HISTORY_RETRY_MS,
    sweepMs: HISTORY_SWEEP_MS,
    log,
    now: Date.now,
  });
}

const createLlamaCpp = ({ gpu, threads }: Config, log: Log): LlamaCpp =>
  new LlamaCpp({ gpu, threads: threads === 'auto' ? null : threads, log });

interface PublishingParts {
  readonly catalog: Catalog;
  readonly http: Http;
  readonly log: Log;
}

/** How browsers are let in, and get weights. */
async function createPublishing(
  { dataDir, workerKey: given }: Config,
  { catalog, http, log }: PublishingParts,
) {
  const workerKey = given ?? (await ownWorkerKey(dataDir));
  const weights = new PublishedWeights(workerKey);
  const hashes = new FileHashes(path.join(dataDir, 'cache', 'hashes.json'));
  const libraries = new ModelLibraries({ folder: path.join(dataDir, 'libraries'), http, log });
  const publish = async (place: string, signal?: AbortSignal): Promise<Published> => {
    const variant = catalog.variantAt(place);
    if (variant.format === 'GGUF')
      return weights.publish(await filesForBrowser(variant.files), await identityOf(variant.files));
    const folder = await servedFolder(variant, { hashes, libraries }, signal);
    return publishFolder(weights, folder);
  };
  return { weights, workerKey, publish };
}

const createCatalog = (config: Config, log: Log): Catalog =>
  new Catalog({
    directories: [...config.modelsDir, ownFolder(config)],
    embedded: root('models/demo'),
    cacheFile: path.join(config.dataDir, 'cache', 'weights.json'),
    version,
    log,
  });

/** Of limits that 0 turns off. */
const orNone = (limit: number): number => (limit === 0 ? Infinity : limit);

const generationLimits = (config: Config) => ({
  slotsWanted: config.slots,
  logPrompts: config.logPrompts,
  maxQueued: config.maxQueued,
  maxQueuedPerCaller: orNone(config.maxQueuedPerCaller),
  maxPromptBytes: orNone(config.maxPromptBytes),
  disconnectGraceMs: config.disconnectGraceMs,
  deadlines: { waitMs: config.maxWaitMs, runMs: config.maxRunMs },
  keepEnded: {
    count: config.keepGenerations,
    ms: config.keepGenerationsMs,
    bytes: config.keepGenerationsBytes,
  },
});

/** Made at the first start: a page that was opened with it goes on working after a restart. */
async function ownWorkerKey(dataDir: string): Promise<string> {
  const file = path.join(dataDir, 'worker-key');
  const read = async () => (await readFile(file, 'utf8').catch(() => '')).trim();
  const known = await read();
  if (known.length >= 16) return known;
  const key = randomBytes(24).toString('base64url');
  // Another process may just be making one; and where none can be kept, this one holds until the next start.
  await writeFile(file, key, { mode: 0o600, flag: known === '' ? 'wx' : 'w' }).catch(() => undefined);
  return (await read()) || key;
}

/** Where pulled weights are. */
const ownFolder = ({ dataDir }: Config): string => path.join(dataDir, 'models');

const HUGGING_FACE = 'https://huggingface.co';
/** Tries of one request in a row without any bytes. */
const PULL_ATTEMPTS = 6;
const ANSWER_MS = 30_000;

interface PullingParts {
  readonly catalog: Catalog;
  readonly http: Http;
  readonly settings: ModelSettingsStore;
  readonly planner: Planner;
  readonly load: (request: ModelLoadRequest) => Promise<unknown>;
  readonly log: Log;
}

function createPulling(config: Config, { catalog, http, settings, planner, load, log }: PullingParts) {
  const hub = { http, endpoint: config.hfEndpoint };
  const own = pullSettings(config);
  const { schemes, transfer: patience } = own;
  const inspections = new Inspections({ catalog, hub, schemes, patience, now: Date.now });
  const best = bestBy(planner);
  const pulls = new Pulls({ ...own, catalog, hub, best, settings, log, now: Date.now });
  const manifests = new Manifests({ catalog, pulls, settings, http, load, log });
  const close = async (): Promise<void> => {
    await pulls.close();
    await http.close();
  };
  return { inspections, pulls, manifests, close };
}

function createHttp({ hfEndpoint, allowedHosts, pullStallMs }: Config): Http {
  const endpoint = new URL(hfEndpoint);
  // A mirror that the operator names may be anywhere.
  const mirror = endpoint.origin === HUGGING_FACE ? [] : [hostAndPort(endpoint)];
  const token = (process.env['HF_TOKEN'] ?? process.env['HUGGING_FACE_HUB_TOKEN'] ?? '').trim();
  return new Http({
    policy: new AddressPolicy([...allowedHosts, ...mirror]),
    token: token === '' ? null : { origin: endpoint.origin, value: token },
    userAgent: `mixgate/${version}`,
    answerMs: Math.min(ANSWER_MS, pullStallMs),
  });
}

const pullSettings = (config: Config): Pick<PullsOptions, 'transfer' | 'schemes' | 'atOnce'> => ({
  schemes: config.pullSchemes,
  atOnce: config.pullsAtOnce,
  transfer: {
    modelsFolder: ownFolder(config),
    room: new DiskRoom(ownFolder(config), config.diskBudget),
    connections: config.pullConnections,
    segmentBytes: config.pullSegment,
    stallMs: config.pullStallMs,
    attempts: PULL_ATTEMPTS,
    retryMs: config.pullRetryMs,
    verified: new VerifiedFiles(path.join(config.dataDir, 'cache', 'verified.json')),
  },
});

const hostAndPort = ({ hostname, port, protocol }: URL): string =>
  `${hostname}:${port || (protocol === 'http:' ? 80 : 443)}`;

await runCommandLine({ version, createGateway });
