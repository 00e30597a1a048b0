import type { Entry, KnownVariant } from './variant.ts';

/** Where a variant's weights are right now. */
export type Availability = 'LOCAL' | 'REMOTE' | 'PULLING';

type RemoteEntry = Entry<KnownVariant>;

/** What is known of weights that are not, or not yet whole, on this machine. */
export class Elsewhere {
  readonly #announced = new Map<
    string,
    { readonly entries: readonly RemoteEntry[]; readonly as: Availability }
  >();

  /** `by` names who says so; saying it again replaces it, and an empty list takes it back. */
  announce(by: string, as: Exclude<Availability, 'LOCAL'>, entries: readonly RemoteEntry[]): void {
    if (entries.length === 0) this.#announced.delete(by);
    else this.#announced.set(by, { entries, as });
  }

  entries(availabilities: readonly Availability[]): RemoteEntry[] {
    return [...this.#announced.values()].flatMap(({ entries, as }) =>
      availabilities.includes(as) ? entries : [],
    );
  }

  find(variantId: string): RemoteEntry | undefined {
    return this.entries(['REMOTE', 'PULLING']).find(({ variant }) => variant.id === variantId);
  }

  isPulling(variantId: string): boolean {
    return this.entries(['PULLING']).some(({ variant }) => variant.id === variantId);
  }
}
