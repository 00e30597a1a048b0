import type { ReportHead, ReportLane, ReportPrompt, Summary } from './schema.ts';

/** Sentences and lists that more than one format has. */

export const TITLES = { BENCH: 'mixgate bench', COMPARISON: 'mixgate comparison' } as const;

const bytesText = (bytes: number): string =>
  bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`;

/** What ran: `2 lanes, 4 prompts, 3 repetitions`. */
export function extent({ lanes, prompts, repetitions, warmUps }: ReportHead): string {
  const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const warm = warmUps === 0 ? [] : [`${counted(warmUps, 'warm-up')} not counted`];
  const parts = [counted(lanes.length, 'lane'), counted(prompts.length, 'prompt')];
  return [...parts, counted(repetitions, 'repetition'), ...warm].join(', ');
}

/** Names and values of the machine and the runs. */
export function circumstances({ machine, schedules, maxTokens, lanes, createdAt, repetitions }: ReportHead) {
  const { mixgate, node, platform, backends, devices } = machine;
  const versions = backends.map(({ id, version }) => `${id} ${version ?? '(version unknown)'}`);
  return [
    ['Date', createdAt],
    ['Software', [`mixgate ${mixgate}`, `Node ${node}`, platform, ...versions].join(', ')],
    ...devices.map(({ id, name, kind, memoryTotalBytes, memoryFreeBytes }): [string, string] => [
      `Device ${id}`,
      `${kind} ${name}, ${bytesText(memoryFreeBytes)} free of ${bytesText(memoryTotalBytes)}`,
    ]),
    ['Sampling', lanes[0] === undefined ? '–' : samplingText(lanes[0].sampling, repetitions)],
    ['Answer at most', maxTokens === null ? 'what the context holds' : `${maxTokens} tokens`],
    ...schedules.map(({ taken, reasons, comparisons }): [string, string] => [
      'Lanes ran',
      `${taken === 'TOGETHER' ? 'together' : 'in turn'} (${comparisons} times). ${reasons.join(' ')}`,
    ]),
  ] satisfies [string, string][];
}

function samplingText(sampling: ReportLane['sampling'], repetitions: number): string {
  const given = Object.entries(sampling).filter(([, value]) => value !== null);
  const more = repetitions > 1 ? ', then the next for each repetition' : '';
  return `${given.map(([name, value]) => `${name} ${value}`).join(', ')}${more}`;
}

/** How a lane ran. */
export function placeText({ plan, model, quantization }: ReportLane): string {
  if (plan === null) return `${model}${quantization === null ? '' : ` ${quantization}`}, never planned`;
  const { deviceName, deviceKind, gpuLayers, totalLayers, contextSize, memoryBytes } = plan;
  const layers = deviceKind === 'CPU' ? '' : `, ${gpuLayers} of ${totalLayers} layers on it`;
  return `${plan.variantId} on ${deviceName}${layers}, context ${contextSize}, ${bytesText(memoryBytes)} planned`;
}

/** `10 of 12 completed, 2 failed`. */
export function stateText({ completed, failed, cancelled }: Summary): string {
  const all = completed + failed + cancelled;
  const rest = [failed > 0 ? `${failed} failed` : null, cancelled > 0 ? `${cancelled} cancelled` : null];
  return [`${completed} of ${all} completed`, ...rest.filter((part) => part !== null)].join(', ');
}

export const promptText = ({ text, messages }: ReportPrompt): string =>
  text ??
  messages.map(({ role, content }) => (role === 'user' ? content : `[${role}] ${content}`)).join('\n\n');
