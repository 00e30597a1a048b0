import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Access } from './access/access.ts';
import { keyFileOf } from './access/key-file.ts';
import { identityProviderOf } from './access/identity-provider.ts';
import { KeyRing } from './access/key-ring.ts';
import type { Tokens } from './access/tokens.ts';
import { LlamaCpp } from './backends/llama-cpp/adapter.ts';
import { supervise } from './backends/supervise.ts';
import { WebGpu, type Published } from './backends/webgpu/adapter.ts';
import { publishFolder } from './backends/webgpu/publish-folder.ts';
import type { Gateway, GatewayOptions } from './cli/environment.ts';
import { ownWorkerKey } from './cli/worker-key.ts';
import type { Config, ConfigKey } from './config.ts';
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
import {
  browserLimits,
  generationLimits,
  historyRetention,
  keepEnded,
  margins,
  pullLimits,
  residentLimits,
  transferLimits,
  withLive,
} from './live-options.ts';
import type { OnTokens } from './generation/token-count.ts';
import { createRateLimits } from './limits/rate-limits.ts';
import type { Log } from './log.ts';
import { packaged, version } from './package.ts';
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
import { Pulls } from './models/pull/pulls.ts';

/** Composition root: the one place that constructs things. */

/** Builds the gateway and, unless told not to, reads the models folders and asks the backends for their devices. */
export async function createGateway(
  config: Config,
  log: Log,
  observer: Observer,
  { looksAround = true }: GatewayOptions = {},
): Promise<Gateway> {
  // Where that cannot be, pulling says so; everything else works without.
  await mkdir(ownFolder(config), { recursive: true }).catch(() => undefined);
  const catalog = createCatalog(config, log);
  const settings = new ModelSettingsStore(path.join(config.dataDir, 'model-settings.json'));
  const policy = new AddressPolicy(allowedHosts(config));
  const http = createHttp(config, policy);
  const { publish, ...browsers } = await createPublishing(config, { catalog, http, log });
  const onChange = () => machine.invalidate();
  const webGpu = new WebGpu(withLive({ publish, onChange, log }, browserLimits(config)));
  const backends = [createLlamaCpp(config, log), webGpu].map(supervise);
  const machine: Machine = new Machine({ backends, margins: margins(config), log, now: Date.now });
  const weightsOf = weightsIn(catalog, settings);
  const residency = new ResidencyLoop(
    withLive(
      { backends, log, now: Date.now, observer, weightsOf, onMemoryChange: onChange },
      residentLimits(config),
    ),
  );
  const planner = new Planner({ catalog, machine, occupants: () => residency.occupants() });
  const load = (request: ModelLoadRequest) =>
    loadModel(request, 'pinned', { planner, machine, residency, observer });
  const { close, ...pulling } = createPulling(config, { catalog, http, settings, planner, load, log });
  const archive = new Archive(createHistory(config, log), catalog);
  const rates = createRateLimits(config);
  const onTokens: OnTokens = (callerId, tokens) => rates.tokens.spend(callerId, tokens);
  const running = { planner, machine, residency, archive, observer, log, onTokens };
  const generations = new Generations(withLive({ ...running, now: Date.now }, generationLimits(config)));
  const folder = new ReferenceFolder(path.join(config.dataDir, 'cache', 'quality'));
  const evaluations = new Evaluations({ ...running, catalog, folder, now: Date.now });
  const comparisons = createComparisons(config, { ...running, catalog, generations });
  if (looksAround) await Promise.all([catalog.scan(), machine.refresh(), folder.sweep()]);
  return {
    ...browsers,
    services: {
      ...{ version, catalog },
      ...pulling,
      workers: new BrowserWorkers(webGpu, browsers.access.admitsWorker),
      settings,
      machine,
      planner,
      residency,
      generations,
      evaluations,
      comparisons,
      ...{ archive, observer, rates },
      identityProvider: identityProviderOf(config),
    },
    reconfigure: reconfiguring(config, { catalog, policy }),
    dispose: async () => {
      await Promise.all([close(), catalog.close(), evaluations.close()]);
      await Promise.all(backends.map((backend) => backend.dispose()));
      await archive.history.close();
    },
  };
}

/** Acts upon what has changed; everything else is read when it is needed. */
const reconfiguring =
  (config: Config, { catalog, policy }: { readonly catalog: Catalog; readonly policy: AddressPolicy }) =>
  async (changed: ReadonlySet<ConfigKey>): Promise<void> => {
    if (changed.has('allowedHosts')) policy.allow(allowedHosts(config));
    if (changed.has('modelsDir')) await catalog.useDirectories(modelFolders(config));
    if (changed.has('modelsDir') || changed.has('watchModels')) await catalog.watch(config.watchModels);
  };

/** What a runtime opens for a variant. */
const weightsIn = (catalog: Catalog, settings: ModelSettingsStore) => (variantId: string) => {
  const { path: place, modelId } = catalog.variant(variantId);
  return { path: place, chatTemplate: settings.get(modelId)?.chatTemplate ?? null };
};

function createComparisons(
  config: Config,
  services: Omit<ComparisonsOptions, 'store' | 'energy' | 'now' | 'disconnectGraceMs'>,
): Comparisons {
  return new Comparisons({
    ...services,
    store: new MemoryComparisonStore({ keepEnded: keepEnded(config), now: Date.now }),
    energy: new DeviceEnergy({ nvidia: new NvidiaEnergy(), cpu: new RaplEnergy() }),
    now: Date.now,
    get disconnectGraceMs() {
      return config.disconnectGraceMs;
    },
  });
}

/** Changes that may wait for a database that is away. */
const HISTORY_PENDING = { count: 10_000, bytes: 64 * 2 ** 20 };
const HISTORY_RETRY_MS = { first: 500, most: 30_000 };
const HISTORY_SWEEP_MS = 60_000;

/** Opened when it is first needed: what keeps nothing touches no database. */
function createHistory(config: Config, log: Log): History {
  const { history, historyUrl, dataDir } = config;
  const open = async (): Promise<HistoryStore> => {
    if (historyUrl === null) return openSqliteThread(path.join(dataDir, 'history.db'));
    const { openPostgres } = await import('./store/postgres.ts');
    return openPostgres(historyUrl);
  };
  return new History({
    open: history ? open : null,
    keep: historyRetention(config),
    pending: HISTORY_PENDING,
    retryMs: HISTORY_RETRY_MS,
    sweepMs: HISTORY_SWEEP_MS,
    log,
    now: Date.now,
  });
}

const createLlamaCpp = (config: Config, log: Log): LlamaCpp =>
  new LlamaCpp({
    gpu: config.gpu,
    get threads() {
      return config.threads === 'auto' ? null : config.threads;
    },
    log,
  });

interface PublishingParts {
  readonly catalog: Catalog;
  readonly http: Http;
  readonly log: Log;
}

/** How callers and browsers are let in, and how browsers get weights. */
async function createPublishing(config: Config, { catalog, http, log }: PublishingParts) {
  const { dataDir, workerKey: given } = config;
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
  return { weights, workerKey, access: await createAccess(config, workerKey, log), publish };
}

/** Between two attempts to have keys of an identity provider. */
const PROVIDER_PAUSE_MS = 5000;

async function createTokens(config: Config): Promise<Tokens | null> {
  const { oidcIssuer: issuer, oidcAudience: audience } = config;
  if (issuer === null || audience === null) return null;
  const { Tokens } = await import('./access/tokens.ts');
  return new Tokens({
    ...{ issuer, audience, jwksUrl: config.oidcJwksUrl, rolesClaim: config.oidcRolesClaim },
    ...{ defaultRole: config.oidcDefaultRole, pauseMs: PROVIDER_PAUSE_MS, now: Date.now },
  });
}

async function createAccess(config: Config, workerKey: string, log: Log): Promise<Access> {
  const tokens = await createTokens(config);
  return new Access({
    ...{ keys: new KeyRing(keyFileOf(config.dataDir)), tokens, workerKey, now: Date.now },
    onProblem: (problem) =>
      problem === null
        ? log.info('access.readable', {})
        : log.error('access.unreadable', { reason: problem.message }),
  });
}

const createCatalog = (config: Config, log: Log): Catalog =>
  new Catalog({
    directories: modelFolders(config),
    embedded: packaged('models/demo'),
    cacheFile: path.join(config.dataDir, 'cache', 'weights.json'),
    version,
    log,
  });

/** Where pulled weights are. */
const ownFolder = ({ dataDir }: Config): string => path.join(dataDir, 'models');

const modelFolders = (config: Config): string[] => [...config.modelsDir, ownFolder(config)];

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
  const transfer = transferSettings(config);
  const inspections = new Inspections(
    withLive({ catalog, hub, patience: transfer, now: Date.now }, pullLimits(config)),
  );
  const best = bestBy(planner);
  const pulls = new Pulls(
    withLive({ catalog, hub, best, settings, transfer, log, now: Date.now }, pullLimits(config)),
  );
  const manifests = new Manifests({ catalog, pulls, settings, http, load, log });
  const close = async (): Promise<void> => {
    await pulls.close();
    await http.close();
  };
  return { inspections, pulls, manifests, close };
}

/** A mirror that the operator names may be anywhere. */
function allowedHosts({ hfEndpoint, allowedHosts: named }: Config): string[] {
  const endpoint = new URL(hfEndpoint);
  return endpoint.origin === HUGGING_FACE ? [...named] : [...named, hostAndPort(endpoint)];
}

function createHttp({ hfEndpoint, pullStallMs }: Config, policy: AddressPolicy): Http {
  const endpoint = new URL(hfEndpoint);
  const token = (process.env['HF_TOKEN'] ?? process.env['HUGGING_FACE_HUB_TOKEN'] ?? '').trim();
  return new Http({
    policy,
    token: token === '' ? null : { origin: endpoint.origin, value: token },
    userAgent: `mixgate/${version}`,
    answerMs: Math.min(ANSWER_MS, pullStallMs),
  });
}

const transferSettings = (config: Config) =>
  withLive(
    {
      modelsFolder: ownFolder(config),
      room: new DiskRoom(ownFolder(config), () => config.diskBudget),
      attempts: PULL_ATTEMPTS,
      verified: new VerifiedFiles(path.join(config.dataDir, 'cache', 'verified.json')),
    },
    transferLimits(config),
  );

const hostAndPort = ({ hostname, port, protocol }: URL): string =>
  `${hostname}:${port || (protocol === 'http:' ? 80 : 443)}`;
