import type { Caller } from '../access/caller.ts';
import type { IdentityProvider } from '../access/identity-provider.ts';
import type { Comparisons } from '../generation/comparison/comparisons.ts';
import type { Generations } from '../generation/generations.ts';
import type { Archive } from '../generation/history/archive.ts';
import type { Machine } from '../generation/machine.ts';
import type { Observer } from '../generation/observer.ts';
import type { Planner } from '../generation/planner.ts';
import type { Evaluations } from '../generation/quality/evaluations.ts';
import type { ResidencyLoop } from '../generation/residency-loop.ts';
import type { RateLimits } from '../limits/rate-limits.ts';
import type { Catalog } from '../models/catalog.ts';
import type { BrowserWorkers } from '../generation/browser-workers.ts';
import type { Manifests } from '../generation/manifests.ts';
import type { ModelSettingsStore } from '../models/model-settings.ts';
import type { Inspections } from '../models/pull/inspections.ts';
import type { Pulls } from '../models/pull/pulls.ts';
import type { Trace } from '../tracing/trace.ts';

/** What resolvers work with, whatever transport brought the operation. */
export interface Services {
  readonly version: string;
  readonly catalog: Catalog;
  readonly inspections: Inspections;
  readonly pulls: Pulls;
  readonly manifests: Manifests;
  readonly workers: BrowserWorkers;
  readonly settings: ModelSettingsStore;
  readonly machine: Machine;
  readonly planner: Planner;
  readonly residency: ResidencyLoop;
  readonly generations: Generations;
  readonly evaluations: Evaluations;
  readonly comparisons: Comparisons;
  readonly archive: Archive;
  readonly observer: Observer;
  readonly identityProvider: IdentityProvider | null;
  readonly rates: RateLimits;
}

/** The context of one operation. */
export interface RequestContext extends Services {
  readonly caller: Caller;
  /** The one under which the log has it. */
  readonly requestId: string;
  /** What is done for it is under this span; null where nothing is traced. The transport sets it. */
  trace: Trace | null;
}
