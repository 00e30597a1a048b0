import type { ReportOf } from '../../src/protocol/frames.ts';
import { wllamaVersion } from './wllama-engine.ts';

const GIB = 2 ** 30;

/** What this browser computes on: never called a GPU where an engine really uses the CPU. */
export function deviceReport(memoryGib: number): ReportOf<'device'> {
  const bytes = Math.round(memoryGib * GIB);
  return {
    type: 'device',
    id: 'register',
    runtimeVersion: wllamaVersion(),
    mathCores: Math.max(1, navigator.hardwareConcurrency),
    devices: [
      {
        name: browserName(),
        kind: 'CPU',
        count: 1,
        memoryTotalBytes: bytes,
        memoryFreeBytes: bytes,
        memorySource: 'DECLARED',
        formats: ['GGUF'],
      },
    ],
  };
}

function browserName(): string {
  const [, name, version] = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(navigator.userAgent) ?? [];
  const known: Record<string, string> = { Edg: 'Edge', Version: 'Safari' };
  return name === undefined ? 'Browser' : `${known[name] ?? name} ${version}`;
}
