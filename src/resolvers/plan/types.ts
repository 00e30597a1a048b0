import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { SafeInt } from '../scalars.ts';
import { DeviceKind } from '../backend/device-kind.ts';

export enum PlanObjective {
  QUALITY = 'QUALITY',
  BALANCED = 'BALANCED',
  SPEED = 'SPEED',
}
export enum KvCacheType {
  F16 = 'F16',
  Q8_0 = 'Q8_0',
  Q4_0 = 'Q4_0',
}
export enum MemoryLimit {
  DEVICE_MEMORY = 'DEVICE_MEMORY',
  HOST_MEMORY = 'HOST_MEMORY',
}
registerEnumType(KvCacheType, { name: 'KvCacheType', description: 'How keys and values are stored.' });
registerEnumType(MemoryLimit, { name: 'MemoryLimit', description: 'Which memory is too small.' });
registerEnumType(PlanObjective, {
  name: 'PlanObjective',
  description:
    'How slow decoding may be: the objective sets the lowest speed that a choice of quality may cost.',
});

@InputType({ description: 'A device that need not exist. Memory in bytes, bandwidth in bytes per second.' })
export class HypotheticalDeviceInput {
  @Field(() => String, { nullable: true, defaultValue: 'hypothetical' })
  name?: string | null;

  @Field(() => DeviceKind)
  kind!: DeviceKind;

  @Field(() => SafeInt)
  memoryTotalBytes!: number;

  @Field(() => SafeInt, {
    nullable: true,
    description: 'Defaults to the total; the margin of the configuration is kept free of it.',
  })
  memoryFreeBytes?: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Memory bandwidth, bytes per second; lets the planner estimate speed.',
  })
  memoryBandwidth?: number | null;

  @Field(() => SafeInt, { nullable: true, description: "Defaults to this machine's." })
  hostMemoryFreeBytes?: number | null;

  @Field(() => Float, { nullable: true })
  hostMemoryBandwidth?: number | null;
}

@InputType({ description: 'What to plan. What is left out, the planner chooses.' })
export class PlanInput {
  @Field(() => ID, {
    description:
      'Id of a model, or a source such as `hf:owner/repo`: then what it offers is planned from its headers, before anything is downloaded.',
  })
  model!: string;

  @Field(() => String, { nullable: true, description: 'Pin a quantization; otherwise the planner chooses.' })
  quantization?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: "Pin the layers on the device, counted as llama.cpp's --n-gpu-layers does.",
  })
  gpuLayers?: number | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 2048,
    description: "Tokens of context each slot must hold. The default gives way to a model's shorter length.",
  })
  contextSize?: number | null;

  @Field(() => Int, { nullable: true, defaultValue: 1, description: 'Sequences decoded in parallel.' })
  slots?: number | null;

  @Field(() => KvCacheType, {
    nullable: true,
    description: "Null: the runtime's own, F16; a smaller type only where nothing fits with that.",
  })
  kvCacheType?: KvCacheType | null;

  @Field(() => Int, {
    nullable: true,
    description: "Tokens computed at once while a prompt is read; null: the runtime's own, 512.",
  })
  batchSize?: number | null;

  @Field(() => PlanObjective, { nullable: true, defaultValue: PlanObjective.BALANCED })
  objective?: PlanObjective | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Plan on this device only; ids joined with `+` are several GPUs together.',
  })
  device?: string | null;

  @Field(() => HypotheticalDeviceInput, {
    nullable: true,
    description: 'Plan for a device that need not exist: what would a 16 GB V100 run?',
  })
  hypotheticalDevice?: HypotheticalDeviceInput | null;
}

@ObjectType({ description: 'Bytes, as the runtime will allocate them.' })
export class MemoryEstimate {
  @Field(() => SafeInt)
  deviceWeightsBytes!: number;

  @Field(() => SafeInt)
  deviceKvCacheBytes!: number;

  @Field(() => SafeInt)
  deviceComputeBytes!: number;

  @Field(() => SafeInt)
  deviceTotalBytes!: number;

  @Field(() => SafeInt, {
    description: 'Host memory in all; for a CPU, which is its own host, the same as `deviceTotalBytes`.',
  })
  hostTotalBytes!: number;
}

@ObjectType({ description: 'What one device of a plan holds.' })
export class DeviceShare {
  @Field(() => ID)
  deviceId!: string;

  @Field(() => Int, { description: 'Layers, the output layer counted as one; 0 on a CPU.' })
  layers!: number;

  @Field(() => SafeInt)
  bytes!: number;
}

@ObjectType({ description: 'A limit that a plan breaks. Bytes.' })
export class Shortfall {
  @Field(() => MemoryLimit)
  limit!: MemoryLimit;

  @Field(() => ID, { nullable: true, description: 'Null for the host of a GPU.' })
  deviceId!: string | null;

  @Field(() => SafeInt)
  neededBytes!: number;

  @Field(() => SafeInt, { description: 'Free memory less the margin; below 0 where not even that is free.' })
  availableBytes!: number;

  @Field(() => SafeInt)
  missingBytes!: number;
}

@ObjectType({ description: 'One way to run a variant, with its estimate and its reasons.' })
export class Plan {
  @Field(() => String)
  deviceName!: string;

  @Field(() => DeviceKind)
  deviceKind!: DeviceKind;

  @Field(() => Boolean)
  fits!: boolean;

  @Field(() => Int, {
    description:
      "Layers on the device, counted as llama.cpp's --n-gpu-layers does (layers + 1 = all); 0 on a CPU.",
  })
  gpuLayers!: number;

  @Field(() => Int)
  totalLayers!: number;

  @Field(() => Int, {
    description: 'MoE layers whose experts stay in host memory while the rest is on the device.',
  })
  cpuExpertLayers!: number;

  @Field(() => Int, { description: 'Tokens each slot holds.' })
  contextSize!: number;

  @Field(() => Int, { description: 'Sequences decoded in parallel.' })
  slots!: number;

  @Field(() => String, { description: 'Type of the KV cache, e.g. `F16`.' })
  kvCacheType!: string;

  @Field(() => Int, { description: 'Tokens computed at once while a prompt is read.' })
  batchSize!: number;

  @Field(() => MemoryEstimate)
  memory!: MemoryEstimate;

  @Field(() => [DeviceShare], { description: 'What each device holds; one entry unless layers are spread.' })
  shares!: DeviceShare[];

  @Field(() => [Shortfall], { description: 'The limits it breaks; none when it fits.' })
  shortfalls!: Shortfall[];

  @Field(() => Float, { nullable: true, description: 'Null when bandwidths are not known.' })
  decodeTokensPerSecond!: number | null;

  @Field(() => [String], {
    description:
      'Why this rank: one sentence each, and for a candidate that does not fit, what it lacks in bytes.',
  })
  reasons!: string[];
}

@ObjectType({ description: 'Every candidate that was considered, best first, and the one chosen.' })
export class PlanResult {
  @Field(() => Plan, {
    nullable: true,
    description: 'Null when nothing fits; then every candidate says what it lacks.',
  })
  chosen!: Plan | null;

  @Field(() => [Plan])
  candidates!: Plan[];
}
