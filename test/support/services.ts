import path from 'node:path';
import { LlamaCpp } from '../../src/backends/llama-cpp/adapter.ts';
import { supervise } from '../../src/backends/supervise.ts';
import { Comparisons } from '../../src/generation/comparison/comparisons.ts';
import { MemoryComparisonStore } from '../../src/generation/comparison/store.ts';
import { Generations } from '../../src/generation/generations.ts';
import { Archive } from '../../src/generation/history/archive.ts';
import type { HistoryStore } from '../../src/generation/history/history-store.ts';
import { Machine } from '../../src/generation/machine.ts';
import { NOBODY } from '../../src/generation/observer.ts';
import { Planner } from '../../src/generation/planner.ts';
import { Evaluations } from '../../src/generation/quality/evaluations.ts';
import { ReferenceFolder } from '../../src/generation/quality/reference-folder.ts';
import { ResidencyLoop } from '../../src/generation/residency-loop.ts';
import { createRateLimits } from '../../src/limits/rate-limits.ts';
import { Catalog } from '../../src/models/catalog.ts';
import { ModelSettingsStore } from '../../src/models/model-settings.ts';
import type { Services } from '../../src/resolvers/services.ts';
import { historyOf } from './archive.ts';
import { NO_LIMITS } from './no-limits.ts';
import { recordingLog } from './recording-log.ts';

const KEEP_ENDED = { count: 100, ms: 60_000, bytes: 2 ** 30 };
const RUNNER = path.resolve(import.meta.dirname, '../../dist/backends/llama-cpp/runner/main.js');

export interface ServicesOptions {
  readonly open: () => Promise<HistoryStore>;
  readonly modelsFolder: string;
  readonly dataFolder: string;
}

/** What a gateway on llama.cpp has below its transports, in this process; without pulls and browsers. */
export async function servicesOn({ open, modelsFolder, dataFolder }: ServicesOptions) {
  const { log } = recordingLog();
  const now = Date.now;
  const observer = NOBODY;
  const catalog = new Catalog({ directories: [modelsFolder], log });
  const backends = [supervise(new LlamaCpp({ gpu: 'off', threads: 1, log, runnerEntry: RUNNER }))];
  const machine = new Machine({ backends, margins: { deviceBytes: 0, hostBytes: 0 }, log, now });
  const residency = new ResidencyLoop({
    ...{ backends, log, now, observer },
    weightsOf: (id) => ({ path: catalog.variant(id).path, chatTemplate: null }),
    onMemoryChange: () => machine.invalidate(),
    hostToleranceBytes: null,
    mostHeld: Infinity,
  });
  const planner = new Planner({ catalog, machine, occupants: () => residency.occupants() });
  const archive = new Archive(historyOf({ open }), catalog);
  const running = { planner, machine, residency, archive, observer, log, now, ...NO_LIMITS };
  const generations = new Generations({
    ...{ ...running, logPrompts: false, slotsWanted: 1, disconnectGraceMs: 60_000 },
    ...{ deadlines: { waitMs: 60_000, runMs: 60_000 }, keepEnded: KEEP_ENDED },
  });
  const comparisons = new Comparisons({
    ...{ ...running, catalog, generations, disconnectGraceMs: 60_000 },
    store: new MemoryComparisonStore({ now, keepEnded: KEEP_ENDED }),
    energy: { begin: () => null },
  });
  const folder = new ReferenceFolder(path.join(dataFolder, 'quality'));
  const evaluations = new Evaluations({ ...running, catalog, folder });
  const rates = createRateLimits({ requestsPerMinute: 0, tokensPerMinute: 0, failedSignInsPerMinute: 0 });
  const settings = new ModelSettingsStore(path.join(dataFolder, 'model-settings.json'));
  await Promise.all([catalog.scan(), machine.refresh()]);
  const services = {
    ...{ version: '0', catalog, settings, machine, planner, residency, archive, observer },
    ...{ generations, comparisons, evaluations, rates },
  };
  return {
    services: services as unknown as Services,
    async dispose() {
      await generations.drain(0);
      await comparisons.drain();
      await evaluations.close();
      await Promise.all(backends.map((backend) => backend.dispose()));
      await archive.history.close();
    },
  };
}
