import type { Generations } from '../generation/generations.ts';
import type { Machine } from '../generation/machine.ts';
import type { Planner } from '../generation/planner.ts';
import type { ResidencyLoop } from '../generation/residency-loop.ts';
import type { Catalog } from '../models/catalog.ts';

/** The context of every operation, whatever transport brought it. */
export interface Services {
  readonly version: string;
  readonly catalog: Catalog;
  readonly machine: Machine;
  readonly planner: Planner;
  readonly residency: ResidencyLoop;
  readonly generations: Generations;
}
