import Table from 'cli-table3';
import pc from 'picocolors';
import { messageOf } from '../errors.ts';
import type { StageTiming, Timings } from '../generation/events.ts';
import type { Machine } from '../generation/machine.ts';
import { plainSubject, type Planner } from '../generation/planner.ts';
import type { Plan } from '../routing/plan.ts';

export function gib(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

/** `Q4_K_M on Tesla V100, 20 of 33 layers …`. */
export function describePlan({
  quantization,
  deviceName,
  deviceKind,
  gpuLayers,
  totalLayers,
  ...plan
}: Plan): string {
  const layers = deviceKind === 'CPU' ? '' : `, ${gpuLayers} of ${totalLayers} layers on the GPU`;
  return `${quantization} on ${deviceName}${layers}, context ${plan.contextSize}, ${gib(plan.memory.deviceTotalBytes)}`;
}

/** The plan that would be chosen for a model now. @throws what `Planner.choose` throws */
export const planNow = (model: string, planner: Planner): Promise<Plan> =>
  planner.choose(plainSubject(model));

/** That plan with its reasons, or why there is none. */
export async function planLine(model: string, planner: Planner): Promise<string> {
  try {
    const plan = await planNow(model, planner);
    return `${model}: ${describePlan(plan)}. ${plan.reasons.join(' ')}`;
  } catch (error) {
    return pc.yellow(messageOf(error));
  }
}

/** Why backends are unavailable, and what to do about it. */
export const backendProblems = (machine: Machine): string[] =>
  machine.backends.flatMap(({ id }) => machine.status(id).unavailableReason ?? []);

/** The table llama.cpp ends with: milliseconds, tokens, ms per token and tokens per second of each stage. */
export function timingsTable(timings: Timings): string {
  const number = (value: number | null) => (value === null ? '–' : value.toFixed(2));
  const row = (name: string, { ms, count, msPerToken, tokensPerSecond }: StageTiming) => [
    name,
    ms.toFixed(2),
    String(count),
    number(msPerToken),
    number(tokensPerSecond),
  ];
  const table = new Table({
    head: ['stage', 'ms', 'tokens', 'ms per token', 'tokens per second'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: pc.isColorSupported ? ['bold'] : [], border: pc.isColorSupported ? ['grey'] : [] },
  });
  table.push(['load', timings.loadMs.toFixed(2), '', '', '']);
  if (timings.sample !== null) table.push(row('sample', timings.sample));
  table.push(row('prompt eval', timings.promptEval), row('eval', timings.eval));
  table.push([
    'total',
    timings.totalMs.toFixed(2),
    String(timings.promptEval.count + timings.eval.count),
    '',
    '',
  ]);
  return table.toString();
}
