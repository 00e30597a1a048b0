import type { Availability, Catalog, KnownVariant, ModelFacts } from '../models/catalog.ts';
import type { PullView } from '../models/pull/pull.ts';
import type { Pulls } from '../models/pull/pulls.ts';
import { statusOf } from './status.ts';

const MODELS_MS = 500;
const PULLS_MS = 250;

/** The models now, and again whenever variants have come, gone or changed their place. */
export const modelStatus = (
  catalog: Catalog,
  availabilities: readonly Availability[],
  signal: AbortSignal,
): AsyncGenerator<readonly ModelFacts<KnownVariant>[]> =>
  statusOf(
    {
      look: () => catalog.modelsBy(availabilities),
      keyOf: (models) =>
        JSON.stringify(
          models.flatMap(({ variants }) =>
            variants.map(({ id, sizeBytes }) => [id, sizeBytes, catalog.availability(id)]),
          ),
        ),
      everyMs: MODELS_MS,
    },
    signal,
  );

/** All pulls now, newest first, and again whenever one has come, moved on or ended. */
export const pullStatus = (pulls: Pulls, signal: AbortSignal): AsyncGenerator<readonly PullView[]> =>
  statusOf(
    {
      look: () => pulls.list(),
      keyOf: (views) =>
        JSON.stringify(
          views.map(({ id, createdAt, state, receivedBytes, verifiedBytes, totalBytes, variantIds }) => [
            ...[id, createdAt, state, receivedBytes, verifiedBytes, totalBytes],
            variantIds.length,
          ]),
        ),
      everyMs: PULLS_MS,
    },
    signal,
  );
