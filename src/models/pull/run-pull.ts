import type { Log } from '../../log.ts';
import type { Catalog } from '../catalog.ts';
import type { ModelSettings, ModelSettingsStore } from '../model-settings.ts';
import type { Entry, KnownVariant } from '../variant.ts';
import { choose, examineAll, type Choice, type ChooseBest } from './choose.ts';
import type { HubOptions } from './hub.ts';
import { offerOf, withDigests, type Offer, type OfferedVariant } from './offer.ts';
import type { Pull } from './pull.ts';
import type { PullStore } from './pull-store.ts';
import { remoteFacts } from './remote-facts.ts';
import { shown } from './source.ts';
import { transfer, type TransferSettings } from './transfer.ts';

export interface RunPullServices {
  readonly catalog: Catalog;
  readonly hub: HubOptions;
  readonly settings: ModelSettingsStore;
  readonly best: ChooseBest;
  readonly transfer: TransferSettings;
  readonly log: Log;
}

/**
 * The way of one pull: list, choose by headers, fetch, verify, put in place, scan, set up. What it decides is written
 * down before it acts on it, so that it can be gone on with from anywhere.
 * @throws whatever stops it
 */
export async function runPull(
  pull: Pull,
  store: PullStore,
  services: RunPullServices,
  signal: AbortSignal,
): Promise<void> {
  const { catalog, log, hub } = services;
  const { id, sha256 } = pull.record;
  await store.save(pull.record);
  const offer = await offerOf(pull.source, hub, signal);
  const { variants, reasons } = await choice(pull, offer, services, signal);
  const entries = variants.flatMap(({ entry }) => entry ?? []);
  catalog.elsewhere.announce(`pull ${id}`, 'PULLING', entries);
  pull.progress({ variantIds: entries.map(({ variant }) => variant.id) });
  pull.change({ chosen: variants.map(({ offered }) => offered.files[0]!.name), reasons });
  await store.save(pull.record);
  const files = withDigests(
    variants.flatMap(({ offered }) => offered.files),
    sha256,
  );
  log.info('pull.started', { pull: id, source: shown(pull.source), files: files.map(({ name }) => name) });
  const { transfer: settings } = services;
  const partsFolder = store.folder(id);
  const placed = await transfer({ folder: offer.folder, files, partsFolder }, { pull, settings, signal });
  await settle(pull, placed, services);
  pull.change({ state: 'COMPLETED' });
}

/** What was chosen before stays chosen. */
async function choice(
  { record, source }: Pull,
  offer: Offer,
  { best, transfer: patience }: RunPullServices,
  signal: AbortSignal,
): Promise<Choice> {
  const examine = (offered: OfferedVariant): Promise<Entry<KnownVariant> | null> =>
    remoteFacts(offered, offer.folder, { patience, signal });
  const { chosen } = record;
  const before = offer.variants.filter(({ files }) => chosen?.includes(files[0]!.name) === true);
  if (before.length > 0) return { variants: await examineAll(before, examine), reasons: record.reasons };
  const selection =
    source.scheme === 'hf' && source.file === null ? source.selection : ({ kind: 'all' } as const);
  return choose(offer, selection, { examine, best });
}

/** Shows what has come, under the ids that the catalog gives it, and sets up its models. */
async function settle(
  pull: Pull,
  placed: readonly string[],
  { catalog, settings }: RunPullServices,
): Promise<void> {
  await catalog.scan();
  const here = placed.flatMap((file) => catalog.variantOf(file)?.id ?? []);
  // Where another folder has the same variant, that one is used, and known under the same id.
  const ids = here.length > 0 ? [...new Set(here)] : pull.view().variantIds;
  pull.progress({ variantIds: ids });
  if (here.length === 0 && ids.length > 0)
    pull.change({
      reasons: [
        ...pull.record.reasons,
        `${ids.join(', ')} is here already from another folder: that one is used.`,
      ],
    });
  const wished = pull.record.settings;
  if (wished === null) return;
  const models = new Set(ids.map((id) => catalog.modelOf(id).id));
  await settings.set([...models], pinnedTo(wished, ids, catalog));
}

/** What a source pins is the variant that it brings, where that is one. */
function pinnedTo(settings: ModelSettings, ids: readonly string[], catalog: Catalog): ModelSettings {
  const [only] = ids;
  if (settings.pin === null || ids.length !== 1 || only === undefined) return settings;
  return { ...settings, pin: { quantization: catalog.known(only).quantization, ...settings.pin } };
}
