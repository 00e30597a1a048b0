#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LlamaCpp } from './backends/llama-cpp/adapter.ts';
import { supervise } from './backends/supervise.ts';
import { runCommandLine } from './cli/command-line.ts';
import type { Gateway } from './cli/environment.ts';
import type { Config } from './config.ts';
import { Generations } from './generation/generations.ts';
import { Machine } from './generation/machine.ts';
import type { Observer } from './generation/observer.ts';
import { Planner } from './generation/planner.ts';
import { ResidencyLoop } from './generation/residency-loop.ts';
import type { Log } from './log.ts';
import { bestBy } from './generation/plan-source.ts';
import { Catalog } from './models/catalog.ts';
import { AddressPolicy } from './models/pull/address-policy.ts';
import { Http } from './models/pull/http.ts';
import { Pulls } from './models/pull/pulls.ts';

/** Composition root: the one place that constructs things. */

const root = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const { version } = JSON.parse(readFileSync(root('package.json'), 'utf8')) as { version: string };

/** Builds the gateway, reads the models folders and asks the backends for their devices. */
async function createGateway(config: Config, log: Log, observer: Observer): Promise<Gateway> {
  const now = Date.now;
  // Where that cannot be, pulling says so; everything else works without.
  await mkdir(ownFolder(config), { recursive: true }).catch(() => undefined);
  const catalog = new Catalog({
    directories: [...config.modelsDir, ownFolder(config)],
    embedded: root('models/demo'),
    cacheFile: path.join(config.dataDir, 'cache', 'weights.json'),
    version,
    log,
  });
  const threads = config.threads === 'auto' ? null : config.threads;
  const backends = [supervise(new LlamaCpp({ gpu: config.gpu, threads, log }))];
  const margins = { deviceBytes: config.deviceMargin, hostBytes: config.hostMargin };
  const machine = new Machine({ backends, margins, log, now });
  const residency = new ResidencyLoop({
    backends,
    pathOf: (variantId) => catalog.variant(variantId).path,
    log,
    now,
    onMemoryChange: () => machine.invalidate(),
    observer,
  });
  const planner = new Planner({ catalog, machine, occupants: () => residency.occupants() });
  const pulls = createPulls(config, { catalog, planner, log });
  const generations = new Generations({
    planner,
    machine,
    residency,
    log,
    observer,
    now,
    slotsWanted: config.slots,
    maxQueued: config.maxQueued,
    disconnectGraceMs: config.disconnectGraceMs,
    deadlines: { waitMs: config.maxWaitMs, runMs: config.maxRunMs },
    keepEnded: {
      count: config.keepGenerations,
      ms: config.keepGenerationsMs,
      bytes: config.keepGenerationsBytes,
    },
  });
  await Promise.all([catalog.scan(), machine.refresh()]);
  return {
    services: { version, catalog, pulls, machine, planner, residency, generations },
    dispose: async () => {
      await Promise.all([pulls.close(), catalog.close()]);
      await Promise.all(backends.map((backend) => backend.dispose()));
    },
  };
}

/** Where pulled weights are. */
const ownFolder = ({ dataDir }: Config): string => path.join(dataDir, 'models');

const HUGGING_FACE = 'https://huggingface.co';
/** Tries of one request in a row without any bytes, and the pause before the second, milliseconds. */
const PULL_ATTEMPTS = 6;
const PULL_RETRY_MS = 500;
const ANSWER_MS = 30_000;

function createPulls(
  config: Config,
  { catalog, planner, log }: { catalog: Catalog; planner: Planner; log: Log },
): Pulls {
  const { hfEndpoint, pullStallMs } = config;
  // A mirror that the operator names may be anywhere.
  const mirror = hfEndpoint === HUGGING_FACE ? [] : [new URL(hfEndpoint)];
  const policy = new AddressPolicy([...config.allowedHosts, ...mirror.map(hostAndPort)]);
  const token = process.env['HF_TOKEN'] ?? process.env['HUGGING_FACE_HUB_TOKEN'] ?? '';
  const http = new Http({
    policy,
    token: token === '' ? null : { origin: new URL(hfEndpoint).origin, value: token },
    userAgent: `mixgate/${version}`,
    answerMs: Math.min(ANSWER_MS, pullStallMs),
  });
  return new Pulls({
    catalog,
    hub: { http, endpoint: hfEndpoint },
    policy,
    transfer: {
      modelsFolder: ownFolder(config),
      diskBudgetBytes: config.diskBudget,
      connections: config.pullConnections,
      segmentBytes: config.pullSegment,
      stallMs: pullStallMs,
      attempts: PULL_ATTEMPTS,
      retryMs: PULL_RETRY_MS,
    },
    schemes: config.pullSchemes,
    atOnce: config.pullsAtOnce,
    best: bestBy(planner),
    log,
    now: Date.now,
  });
}

const hostAndPort = ({ hostname, port, protocol }: URL): string =>
  `${hostname}:${port || (protocol === 'http:' ? 80 : 443)}`;

await runCommandLine({ version, createGateway });
