import type { Generations } from '../generation/generations.ts';
import type { Machine } from '../generation/machine.ts';
import type { Planner } from '../generation/planner.ts';
import type { ResidencyLoop } from '../generation/residency-loop.ts';
import type { Catalog } from '../models/catalog.ts';
import type { Pulls } from '../models/pull/pulls.ts';

/** What resolvers work with, whatever transport brought the operation. */
export interface Services {
  readonly version: string;
  readonly catalog: Catalog;
  readonly pulls: Pulls;
  readonly machine: Machine;
  readonly planner: Planner;
  readonly residency: ResidencyLoop;
  readonly generations: Generations;
}

/** The context of one operation. */
export interface RequestContext extends Services {
  /** Who asks: callers share the queue fairly. */
  readonly callerId: string;
}
