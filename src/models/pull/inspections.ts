import { MixgateError } from '../../errors.ts';
import type { Catalog } from '../catalog.ts';
import type { Entry, KnownVariant } from '../variant.ts';
import { chooseNamed, examineAll } from './choose.ts';
import type { HubOptions } from './hub.ts';
import { offerOf, type OfferedVariant } from './offer.ts';
import type { Patience } from './remote-bytes.ts';
import { remoteFacts } from './remote-facts.ts';
import { allowedSource, canonical, type Source } from './source.ts';

export interface InspectionsOptions {
  readonly catalog: Catalog;
  readonly hub: HubOptions;
  readonly schemes: readonly Source['scheme'][];
  readonly patience: Patience;
  readonly now: () => number;
}

/** Sources that are remembered. */
const MAX_KEPT = 50;
/** For so long a source is not asked again, milliseconds: whoever moves a slider asks many times of one. */
const FRESH_MS = 60_000;

interface Inspection {
  readonly entries: readonly Entry<KnownVariant>[];
  readonly at: number;
}

/** Looks at what sources have, from headers alone. */
export class Inspections {
  readonly #options: InspectionsOptions;
  /** Oldest first. */
  readonly #kept = new Map<string, Inspection>();

  constructor(options: InspectionsOptions) {
    this.#options = options;
  }

  /** What a source has; known to the catalog as REMOTE from then on. @throws as `offerOf` and `remoteFacts` */
  async inspect(text: string, signal: AbortSignal): Promise<readonly Entry<KnownVariant>[]> {
    const { hub, schemes, patience } = this.#options;
    const source = allowedSource(text, { schemes, check: (url) => hub.http.check(url) });
    const before = this.#kept.get(canonical(source));
    if (before !== undefined && this.#options.now() - before.at < FRESH_MS) return before.entries;
    const offer = await offerOf(source, hub, signal);
    const examine = (offered: OfferedVariant) => remoteFacts(offered, offer.folder, { patience, signal });
    const isNamed = source.scheme === 'hf' && source.selection.kind === 'named';
    const examined = isNamed
      ? (await chooseNamed(offer, source.selection, examine)).variants
      : await examineAll(offer.variants, examine);
    const entries = examined.flatMap(({ entry }) => entry ?? []);
    if (entries.length === 0)
      throw new MixgateError(
        'VARIANT_NOT_AVAILABLE',
        `${text}: its server only sends whole files, so that headers cannot be read before the download.`,
      );
    this.#remember(canonical(source), entries);
    return entries;
  }

  #remember(name: string, entries: readonly Entry<KnownVariant>[]): void {
    const { catalog, now } = this.#options;
    const { elsewhere } = catalog;
    this.#kept.delete(name);
    this.#kept.set(name, { entries, at: now() });
    elsewhere.announce(`inspected ${name}`, 'REMOTE', entries);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size <= MAX_KEPT || oldest === undefined) return;
    this.#kept.delete(oldest);
    elsewhere.announce(`inspected ${oldest}`, 'REMOTE', []);
  }
}
