export interface GpuWatch {
  /** Why the GPU is gone; null while it is there. */
  readonly lost: string | null;
  /** An allocation has failed. */
  readonly isOutOfMemory: boolean;
}

/** Watches the device that an engine asks for in this realm: web-llm itself only notices a lost one at the next request. */
export function watchGpu(onLost: (reason: string) => void): GpuWatch {
  const watch = { lost: null as string | null, isOutOfMemory: false };
  const requestDevice = Reflect.get<GPUAdapter, 'requestDevice'>(GPUAdapter.prototype, 'requestDevice');
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.addEventListener('uncapturederror', ({ error }) => {
      if (error instanceof GPUOutOfMemoryError) watch.isOutOfMemory = true;
    });
    void device.lost.then(({ reason, message }) => {
      // Its own engine has given it back.
      if (reason === 'destroyed') return;
      watch.lost = message === '' ? 'the browser does not say why.' : message;
      onLost(`The browser's GPU was lost: ${watch.lost}`);
    });
    return device;
  };
  return watch;
}
