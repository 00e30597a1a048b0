#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
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
import { Catalog } from './models/catalog.ts';

/** Composition root: the one place that constructs things. */

const root = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const { version } = JSON.parse(readFileSync(root('package.json'), 'utf8')) as { version: string };

/** Builds the gateway, reads the models folders and asks the backends for their devices. */
async function createGateway(config: Config, log: Log, observer: Observer): Promise<Gateway> {
  const now = Date.now;
  const catalog = new Catalog({ directories: modelFolders(config), log });
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
    services: { version, catalog, machine, planner, residency, generations },
    dispose: async () => {
      await Promise.all(backends.map((backend) => backend.dispose()));
    },
  };
}

function modelFolders({ dataDir, modelsDir }: Config): string[] {
  const own = path.join(dataDir, 'models');
  return [root('models/demo'), ...(existsSync(own) ? [own] : []), ...modelsDir];
}

await runCommandLine({ version, createGateway });
