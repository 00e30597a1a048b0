import { z } from 'zod';
import { bytesSchema } from '../config-values.ts';
import { MixgateError } from '../errors.ts';
import { parseRequest, planRequestSchema, type ModelPlanRequest } from '../generation/request.ts';
import type { PlanOptions } from './plan-options.ts';
import type { Subject } from './subject.ts';

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
