import type { Caller } from './caller.ts';

/** Who looks. Whatever hands out or changes what callers own wants to know it; a `Caller` is one. */
export type Viewer = Pick<Caller, 'sees'>;

/** The gateway itself, and whoever is at its files: the command line. */
export const SEES_ALL: Viewer = { sees: null };

/** What is another's is, for who may not see it, as if it were not there. */
export const maySee = ({ sees }: Viewer, { callerId }: { readonly callerId: string }): boolean =>
  sees === null || sees === callerId;

/** What the viewer may see of something that may not be there. */
export const seenBy = <Owned extends { readonly callerId: string }>(
  viewer: Viewer,
  owned: Owned | null,
): Owned | null => (owned !== null && maySee(viewer, owned) ? owned : null);
