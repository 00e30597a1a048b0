import type { ReportOf } from '../../src/protocol/frames.ts';

export type WebGpu = NonNullable<ReportOf<'device'>['devices'][number]['webGpu']>;

export interface Gpu {
  readonly name: string;
  readonly webGpu: WebGpu;
}

/** A lost device can come back when the browser has started its GPU process anew; after this it is taken for gone. */
const RETURNS_WITHIN_MS = 3000;
const RETRY_MS = 300;

/** This browser's GPU; null where it has none to offer. Asks the adapter and nothing else: an allocation would really be made. */
export async function findGpu(): Promise<Gpu | null> {
  const adapter = await adapterOf();
  if (adapter === null) return null;
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const said = description || [vendor, architecture].filter((word) => word !== '').join(' ') || 'GPU';
  return {
    name: isFallbackAdapter ? `${said} (in software)` : said,
    webGpu: {
      vendor,
      architecture,
      isFallbackAdapter,
      features: [...adapter.features].sort(),
      maxBufferBytes: adapter.limits.maxBufferSize,
      maxStorageBufferBindingBytes: adapter.limits.maxStorageBufferBindingSize,
    },
  };
}

/** Tells when the GPU is gone for good; one that comes back by itself is nobody's business here. */
export async function watchGpu(onGone: () => void): Promise<void> {
  let device = await deviceOf();
  while (device !== null) {
    await device.lost;
    device = await deviceAgain();
  }
  onGone();
}

async function deviceAgain(): Promise<GPUDevice | null> {
  const until = performance.now() + RETURNS_WITHIN_MS;
  while (performance.now() < until) {
    const device = await deviceOf();
    if (device !== null) return device;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return null;
}

async function deviceOf(): Promise<GPUDevice | null> {
  const adapter = await adapterOf();
  const device = await adapter?.requestDevice().catch(() => null);
  if (device === null || device === undefined) return null;
  // A device that was lost before it could be used is none.
  const isLost = await Promise.race([
    device.lost.then(() => true),
    device.queue.onSubmittedWorkDone().then(
      () => false,
      () => true,
    ),
  ]);
  return isLost ? null : device;
}

async function adapterOf(): Promise<GPUAdapter | null> {
  // Not there over plain HTTP from another machine, and in older browsers.
  const gpu = (navigator as { gpu?: GPU }).gpu;
  return (await gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null)) ?? null;
}
