import { MixgateError } from '../errors.ts';
import type { Backend, BackendStatus, LoadRequest, Resident } from './backend.ts';

/**
 * What every adapter would have to get right by itself, once: a status that is asked once at a time, slots that
 * are never overbooked, aborts before the start, a stream that ends exactly once, and disposing once.
 */
export function supervise(backend: Backend): Backend {
  let describing: Promise<BackendStatus> | null = null;
  let disposing: Promise<void> | null = null;

  return {
    id: backend.id,
    capabilities: backend.capabilities,
    describe(signal) {
      describing ??= backend.describe(signal).finally(() => (describing = null));
      return describing;
    },
    async load(request, options) {
      options.signal?.throwIfAborted();
      if (disposing !== null) throw new MixgateError('BACKEND_UNAVAILABLE', 'The gateway is shutting down.');
      return superviseResident(await backend.load(request, monotone(options)), request);
    },
    dispose() {
      disposing ??= backend.dispose();
      return disposing;
    },
  };
}

function monotone(options: Parameters<Backend['load']>[1]): Parameters<Backend['load']>[1] {
  let highest = -1;
  return {
    ...options,
    onProgress(fraction) {
      if (fraction <= highest) return;
      highest = fraction;
      options.onProgress?.(fraction);
    },
  };
}

function superviseResident(resident: Resident, request: LoadRequest): Resident {
  let unloading: Promise<void> | null = null;
  let busySlots = 0;
  const score = resident.score?.bind(resident);
  const predict = resident.predict?.bind(resident);

  async function* inSlot<Part extends { readonly type: string }>(
    run: () => AsyncIterable<Part>,
  ): AsyncGenerator<Part> {
    if (unloading !== null)
      throw new MixgateError('BACKEND_UNAVAILABLE', 'The model is being unloaded: try again.');
    if (busySlots >= resident.slots)
      throw new MixgateError('INTERNAL', `All ${resident.slots} slots are busy.`, { path: request.path });
    busySlots++;
    try {
      yield* untilEnd(run());
    } finally {
      busySlots--;
    }
  }

  return {
    slots: resident.slots,
    contextSize: resident.contextSize,
    verifiedBytes: resident.verifiedBytes,
    measuredBytes: resident.measuredBytes,
    gone: resident.gone,
    generate: (run, signal) => inSlot(() => resident.generate(run, signal)),
    ...(score !== undefined && { score: (text, signal) => inSlot(() => score(text, signal)) }),
    ...(predict !== undefined && {
      predict: (request, signal) => inSlot(() => predict(request, signal)),
    }),
    unload() {
      unloading ??= resident.unload();
      return unloading;
    },
  };
}

async function* untilEnd<Part extends { readonly type: string }>(
  parts: AsyncIterable<Part>,
): AsyncGenerator<Part> {
  for await (const part of parts) {
    yield part;
    if (part.type === 'end') return;
  }
  throw new MixgateError('BACKEND_CRASHED', 'The runtime stopped in the middle of the answer: try again.');
}
