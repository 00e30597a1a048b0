import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { WeightFormat } from '../model/types.ts';
import { DateTime, SafeInt } from '../scalars.ts';
import { DeviceKind } from './device-kind.ts';

export enum MemorySource {
  MEASURED = 'MEASURED',
  DECLARED = 'DECLARED',
  PROBED = 'PROBED',
  ESTIMATED = 'ESTIMATED',
}
registerEnumType(MemorySource, {
  name: 'MemorySource',
  description: 'How the memory figure of a device is known. WebGPU cannot report its memory.',
});

@ObjectType({ description: 'A runtime that can execute generations: `llama-cpp`, `webgpu`, …' })
export class Backend {
  @Field(() => ID)
  id!: string;

  @Field(() => String, {
    description: "Version of the runtime, e.g. llama.cpp's release; empty while the runtime cannot be asked.",
  })
  version!: string;

  @Field(() => Boolean)
  available!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Why it is unavailable and what to do about it; null when available.',
  })
  unavailableReason!: string | null;

  @Field(() => [WeightFormat])
  formats!: WeightFormat[];
}

@ObjectType({ description: 'What a browser tells of the GPU behind it. Bytes.' })
export class WebGpuInfo {
  @Field(() => String)
  vendor!: string;

  @Field(() => String, { description: 'Family of the GPU; empty where the browser does not say.' })
  architecture!: string;

  @Field(() => Boolean, {
    description: 'A GPU in software: everything is computed on the CPU, and slowly.',
  })
  isFallbackAdapter!: boolean;

  @Field(() => [String], { description: 'As WebGPU names them, e.g. `shader-f16`.' })
  features!: string[];

  @Field(() => SafeInt)
  maxBufferBytes!: number;

  @Field(() => SafeInt, {
    description: 'Largest storage buffer that a shader can read: no tensor may be larger.',
  })
  maxStorageBufferBindingBytes!: number;
}

@ObjectType({ description: 'A browser that lends itself.' })
export class Lender {
  @Field(() => String, { description: 'As the person who lends it calls it; empty where nobody said.' })
  name!: string;

  @Field(() => String, { description: 'Its engines and their versions.' })
  runtimeVersion!: string;

  @Field(() => DateTime, {
    nullable: true,
    description: 'While its socket is lost: when it is given up unless it is back. Null while it is here.',
  })
  awayUntil!: Date | null;
}

@ObjectType({ description: 'What waits for a device: for a slot, or for memory to load into.' })
export class WaitingRequest {
  @Field(() => Int, { description: 'Requests ahead of it, on any device.' })
  position!: number;

  @Field(() => Int, { description: 'Higher runs first.' })
  priority!: number;

  @Field(() => Boolean, { description: 'False for a load that nobody generates with yet.' })
  wantsSlot!: boolean;
}

@ObjectType({
  description:
    'A variant that crashed several times in a row on a device, and is not loaded there for a while.',
})
export class CrashLoop {
  @Field(() => Int, { description: 'Crashes in a row; an answer that completes ends the row.' })
  crashes!: number;

  @Field(() => String, { description: 'Why the last one was.' })
  reason!: string;

  @Field(() => DateTime, { description: 'When it is loaded again at the earliest, if somebody asks for it.' })
  retryAt!: Date;
}

@ObjectType({ description: 'A GPU, a CPU or a browser’s GPU, with its memory. Bytes.' })
export class Device {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => DeviceKind)
  kind!: DeviceKind;

  @Field(() => SafeInt)
  memoryTotalBytes!: number;

  @Field(() => SafeInt)
  memoryFreeBytes!: number;

  @Field(() => MemorySource)
  memorySource!: MemorySource;

  @Field(() => Float, {
    nullable: true,
    description:
      "Nominal memory bandwidth from the maker's data sheet, bytes per second; null where unknown.",
  })
  memoryBandwidth!: number | null;

  @Field(() => WebGpuInfo, { nullable: true, description: "Of a browser's GPU; null for everything else." })
  webGpu!: WebGpuInfo | null;
}

@ObjectType({ description: 'A loaded variant with its context and slots.' })
export class ResidentModel {
  @Field(() => ID)
  id!: string;

  @Field(() => Int)
  busySlots!: number;

  @Field(() => Boolean, { description: 'Pinned: never evicted to make room.' })
  isPinned!: boolean;

  @Field(() => DateTime)
  loadedAt!: Date;

  @Field(() => Float, { description: 'How long the load took, milliseconds.' })
  loadMs!: number;

  @Field(() => DateTime)
  lastUsedAt!: Date;

  @Field(() => SafeInt, {
    nullable: true,
    description: 'Device memory measured after the load, bytes; null where the runtime cannot tell.',
  })
  measuredBytes!: number | null;

  @Field(() => SafeInt, {
    nullable: true,
    description:
      'Device memory that the runtime said it would take, asked before it allocated any, bytes; null where it cannot say.',
  })
  verifiedBytes!: number | null;
}
