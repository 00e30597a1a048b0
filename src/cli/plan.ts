import pc from 'picocolors';
import { MixgateError } from '../errors.ts';
import { planFor } from '../generation/plan-source.ts';
import { nothingFits } from '../generation/planner.ts';
import type { Services } from '../resolvers/services.ts';
import type { Plan, PlanResult } from '../routing/plan.ts';
import type { QualityLoss } from '../routing/quality.ts';
import type { CommandEnvironment } from './environment.ts';
import { backendProblems, describePlan, gib } from './format.ts';
import { withGateway } from './gateway.ts';
import type { PlanOptions } from './plan-options.ts';
import { planRequest } from './plan-request.ts';
import { subjectOf } from './subject.ts';
import { shorten, table, type Column } from './table.ts';

/** How many of those that do not fit are explained without `--all`. */
const EXPLAINED = 3;
const NAME_LENGTH = 24;
const UNKNOWN = '–';

/** A plan as it is shown. */
type Candidate = Plan & { readonly qualityLoss: QualityLoss | null };

/**
 * `mixgate plan [MODEL]`: what would be chosen and why. Loads nothing.
 * @throws NO_PLAN_FITS after the table, when nothing fits
 */
export async function printPlan(
  names: readonly string[],
  options: PlanOptions,
  environment: CommandEnvironment,
): Promise<void> {
  // `--slots` is the plan's here, not the configuration's.
  await withGateway({ ...options, slots: undefined }, environment, async (services) => {
    const request = planRequest(await subjectOf(names, services.catalog), options);
    const result = await planFor(request, services);
    const candidates = result.candidates.map((plan) => candidate(plan, services));
    if (options.json === true) process.stdout.write(document(request.model, result, candidates));
    else if (candidates.length > 0)
      process.stdout.write(`${page(result, candidates, options.all === true)}\n`);
    if (result.chosen !== null) return;
    const problems = backendProblems(services.machine);
    if (candidates.length === 0 && problems.length > 0)
      throw new MixgateError('BACKEND_UNAVAILABLE', problems.join(' '));
    throw nothingFits(result.candidates);
  });
}

const candidate = (plan: Plan, { catalog }: Services): Candidate => ({
  ...plan,
  qualityLoss: catalog.known(plan.variantId).qualityLoss,
});

function document(model: string, { chosen }: PlanResult, candidates: readonly Candidate[]): string {
  return `${JSON.stringify({ model, chosen: chosen === null ? null : candidates[0], candidates })}\n`;
}

function page({ chosen }: PlanResult, candidates: readonly Candidate[], isAll: boolean): string {
  const winner = chosen === null ? null : candidates[0]!;
  const columns: Column<Candidate>[] = [
    { head: '', cell: (each) => (each === winner ? '✓' : ' ') },
    ...COLUMNS,
  ];
  const paint = (row: Candidate, cell: string) => {
    if (row === winner) return pc.green(cell);
    return row.fits ? cell : pc.dim(cell);
  };
  const why = chosen === null ? [] : [`${pc.bold(describePlan(chosen))}`, ...chosen.reasons.map(indented)];
  const others = candidates.filter((each) => each !== winner && (isAll || !each.fits));
  const explained = isAll ? others : others.slice(0, EXPLAINED);
  const left = others.length - explained.length;
  return [
    table(columns, candidates, { paint }),
    ...why,
    ...explained.map((each) => `${pc.bold(titleOf(each))}: ${each.reasons.join(' ')}`),
    ...(left === 0 ? [] : [pc.dim(`${left} more do not fit; --all says why of each.`)]),
  ].join('\n');
}

const indented = (reason: string): string => `  ${reason}`;
const titleOf = ({ quantization, deviceName, kvCacheType }: Plan): string =>
  `${quantization} on ${deviceName}${kvCacheType === 'F16' ? '' : ` with KV ${kvCacheType}`}`;

const COLUMNS: readonly Column<Candidate>[] = [
  { head: 'quantization', cell: ({ quantization }) => quantization },
  { head: 'device', cell: ({ deviceName }) => shorten(deviceName, NAME_LENGTH), keep: 6 },
  { head: 'layers', cell: layers, align: 'right' },
  { head: 'context', cell: ({ contextSize }) => String(contextSize), align: 'right', keep: 4 },
  { head: 'slots', cell: ({ slots }) => String(slots), align: 'right', keep: 1 },
  { head: 'KV', cell: ({ kvCacheType }) => kvCacheType, keep: 5 },
  { head: 'on device', cell: ({ memory }) => gib(memory.deviceTotalBytes), align: 'right', keep: 8 },
  {
    head: 'on host',
    cell: ({ deviceKind, memory }) => (deviceKind === 'CPU' ? UNKNOWN : gib(memory.hostTotalBytes)),
    align: 'right',
    keep: 5,
  },
  {
    head: 'tokens/s',
    cell: ({ decodeTokensPerSecond: speed }) => (speed === null ? UNKNOWN : speed.toFixed(1)),
    align: 'right',
    keep: 7,
  },
  { head: 'quality loss', cell: ({ qualityLoss }) => lossOf(qualityLoss), keep: 3 },
  { head: 'fits', cell: fits },
];

/** Of a CPU, which has no layers elsewhere: nothing to tell. */
function layers({ deviceKind, gpuLayers, totalLayers, cpuExpertLayers }: Plan): string {
  if (deviceKind === 'CPU') return UNKNOWN;
  const experts = cpuExpertLayers === 0 ? '' : ` −${cpuExpertLayers} experts`;
  return `${Math.min(gpuLayers, totalLayers)}/${totalLayers}${experts}`;
}

/** KL divergence in nats, or perplexity against F16's. */
function lossOf(loss: QualityLoss | null): string {
  if (loss === null) return UNKNOWN;
  if (loss.klDivergence !== null) return `KL ${loss.klDivergence}`;
  return loss.perplexityRatio === null ? UNKNOWN : `PPL ×${loss.perplexityRatio}`;
}

function fits({ fits: isFitting, shortfalls }: Plan): string {
  if (isFitting) return 'yes';
  const missing = shortfalls.map(
    ({ limit, missingBytes }) => `${gib(missingBytes)} ${limit === 'HOST_MEMORY' ? 'host' : 'device'}`,
  );
  return missing.length === 0 ? 'no' : `lacks ${missing.join(', ')}`;
}
