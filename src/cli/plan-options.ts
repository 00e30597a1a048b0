import { Option, type Command } from 'commander';
import { z } from 'zod';
import type { ConfigSource } from '../config.ts';
import { bytesSchema } from '../config-values.ts';
import { MixgateError } from '../errors.ts';
import { parseRequest, planRequestSchema, type ModelPlanRequest } from '../generation/request.ts';
import type { Subject } from './subject.ts';

/** As the command line gives them: text, or absent. */
export interface PlanOptions extends ConfigSource {
  readonly quantization?: string;
  readonly objective?: string;
  readonly device?: string;
  readonly kind: string;
  readonly name?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

const KINDS = ['cuda', 'vulkan', 'metal', 'cpu', 'webgpu'];
const OBJECTIVES = ['quality', 'balanced', 'speed'];

export function addPlanOptions(command: Command): Command {
  return command
    .option('-q, --quantization <name>', 'pin a quantization, e.g. Q4_K_M')
    .option('-c, --context-size <tokens>', 'context that each slot must hold (default: 2048)')
    .option('--slots <count>', 'sequences decoded in parallel (default: 1)')
    .option('-g, --gpu-layers <count>', 'pin the layers on the GPU (llama.cpp: -ngl, --n-gpu-layers)')
    .option('--kv-cache-type <type>', "F16, Q8_0 or Q4_0 (default: the runtime's own)")
    .addOption(new Option('--objective <name>', 'how slow decoding may be').choices(OBJECTIVES))
    .addOption(new Option('--device <id>', 'plan on this device only').conflicts('vram'))
    .option('--vram <bytes>', 'plan for a card that need not exist: its memory, e.g. 16GiB')
    .option('--vram-free <bytes>', 'memory of that card that is free (default: all)')
    .option('--bandwidth <rate>', 'of its memory, e.g. 900GB/s; lets the speed be estimated')
    .addOption(new Option('--kind <kind>', 'of that card').choices(KINDS).default('cuda'))
    .option('--name <name>', 'of that card, e.g. "Tesla V100"; a known one brings its bandwidth')
    .option('--ram <bytes>', "free memory of the host beside that card (default: this machine's)")
    .option('--ram-bandwidth <rate>', 'of the host, e.g. 40GB/s')
    .option('--all', 'say for every candidate why it is not chosen')
    .option('--json', 'print one JSON document instead of text');
}

/** Bytes per second as a number, or with a unit: `900GB/s`. */
const bandwidthSchema = z
  .string()
  .regex(/^\s*[\d.]+\s*([a-z]+\/s)?\s*$/i, 'must be bytes per second, such as 900GB/s')
  .transform((text): number | string => text.replace(/\/s/i, ''))
  .pipe(bytesSchema);

const optionsSchema = z.object({
  'vram': bytesSchema.optional(),
  'vram-free': bytesSchema.optional(),
  'bandwidth': bandwidthSchema.optional(),
  'ram': bytesSchema.optional(),
  'ram-bandwidth': bandwidthSchema.optional(),
});

const number = (value: unknown): unknown => (value === undefined ? undefined : Number(value));

/** @throws INVALID_INPUT */
export function planRequest(subject: Subject, options: PlanOptions): ModelPlanRequest {
  return parseRequest(planRequestSchema, {
    model: subject.model,
    quantization: options.quantization ?? subject.quantization,
    contextSize: number(options['contextSize']),
    slots: number(options['slots']),
    gpuLayers: number(options['gpuLayers']),
    kvCacheType: upperCase(options['kvCacheType']),
    objective: upperCase(options.objective),
    device: options.device,
    hypotheticalDevice: hypotheticalDevice(options),
  });
}

function hypotheticalDevice(options: PlanOptions): object | undefined {
  const given = parseRequest(optionsSchema, {
    'vram': options['vram'],
    'vram-free': options['vramFree'],
    'bandwidth': options['bandwidth'],
    'ram': options['ram'],
    'ram-bandwidth': options['ramBandwidth'],
  });
  const { vram, bandwidth, ram, 'vram-free': vramFree, 'ram-bandwidth': ramBandwidth } = given;
  if (vram === undefined) {
    const lonely = Object.entries({ ...given, name: options.name }).find(([, value]) => value !== undefined);
    if (lonely === undefined && options.kind === 'cuda') return undefined;
    throw new MixgateError(
      'INVALID_INPUT',
      `--${lonely?.[0] ?? 'kind'} describes a card that need not exist: say its memory too, such as --vram 16GiB.`,
    );
  }
  return {
    name: options.name,
    kind: upperCase(options.kind),
    memoryTotalBytes: vram,
    memoryFreeBytes: vramFree,
    memoryBandwidth: bandwidth,
    hostMemoryFreeBytes: ram,
    hostMemoryBandwidth: ramBandwidth,
  };
}

const upperCase = (value: unknown): unknown => (typeof value === 'string' ? value.toUpperCase() : value);
