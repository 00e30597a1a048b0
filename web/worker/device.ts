import type { ReportOf } from '../../src/protocol/frames.ts';
import type { Gpu } from './gpu.ts';
import { wllamaVersion } from './wllama-engine.ts';

declare const WEB_LLM_VERSION: string;

const GIB = 2 ** 30;

/** WebAssembly holds no more. */
export const MOST_CPU_GIB = 4;

/** What is lent, GiB. */
export interface Lent {
  readonly gpuGib: number;
  readonly cpuGib: number;
  /** A person has said so; else it is a careful guess. */
  readonly isDeclared: boolean;
}

type DeviceReport = ReportOf<'device'>;
type Device = DeviceReport['devices'][number];

/** What this browser computes on; never called a GPU where an engine really uses the CPU. */
export function deviceReport({ gpuGib, cpuGib, isDeclared }: Lent, gpu: Gpu | null): DeviceReport {
  const memory = (gib: number) => {
    const bytes = Math.round(gib * GIB);
    return {
      memoryTotalBytes: bytes,
      memoryFreeBytes: bytes,
      memorySource: isDeclared ? ('DECLARED' as const) : ('ESTIMATED' as const),
    };
  };
  const cpu: Device = {
    name: browserName(),
    kind: 'CPU',
    count: 1,
    ...memory(Math.min(cpuGib, MOST_CPU_GIB)),
    formats: ['GGUF'],
  };
  return {
    type: 'device',
    id: 'register',
    runtimeVersion: `web-llm ${WEB_LLM_VERSION}, ${wllamaVersion()}`,
    mathCores: Math.max(1, navigator.hardwareConcurrency),
    // The GPU last: without it the CPU is still the same one.
    devices: gpu === null ? [cpu] : [cpu, gpuDevice(gpu, memory(gpuGib))],
  };
}

const gpuDevice = (
  { name, webGpu }: Gpu,
  memory: Pick<Device, 'memoryTotalBytes' | 'memoryFreeBytes' | 'memorySource'>,
): Device => ({
  name: `${name}, ${browserName()}`,
  kind: 'WEBGPU',
  count: 1,
  ...memory,
  formats: runsGgufOnGpu(webGpu.features) ? ['MLC', 'GGUF'] : ['MLC'],
  webGpu,
});

/** wllama computes on the CPU without a word where it lacks one of these. */
const runsGgufOnGpu = (features: readonly string[]): boolean =>
  features.includes('shader-f16') && 'Suspending' in WebAssembly;

function browserName(): string {
  const [, name, version] = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(navigator.userAgent) ?? [];
  const known: Record<string, string> = { Edg: 'Edge', Version: 'Safari' };
  return name === undefined ? 'Browser' : `${known[name] ?? name} ${version}`;
}
