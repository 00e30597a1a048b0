import { randomUUID } from 'node:crypto';
import { MixgateError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ReportOf } from '../../protocol/frames.ts';
import type { DeviceFacts, RuntimeCapabilities } from '../../routing/device.ts';
import type { LibraryInterface } from '../../routing/weights.ts';
import type { Backend, BackendStatus, LoadOptions, LoadRequest, Resident } from '../backend.ts';
import { channelResident } from '../channel-resident.ts';
import { request as requestOf } from '../channel.ts';
import { WorkerLink } from './worker-link.ts';

export interface WebGpuOptions {
  /** As of `WorkerLink`. */
  readonly leaseMs: number;
  /** Makes files of this machine reachable for browsers while something is loaded from them. */
  readonly publish: (path: string, signal?: AbortSignal) => Promise<Published>;
  /** A browser has come or gone. */
  readonly onChange: () => void;
  readonly log: Log;
}

/** Weights that a browser can fetch, until they are withdrawn. */
export interface Published {
  readonly files: readonly PublishedFile[];
  /** Of weights in MLC's format: addresses of the folder and of the model library, and how that is called. */
  readonly mlc?: {
    readonly model: string;
    readonly library: string;
    readonly interface: LibraryInterface;
  };
  withdraw(): void;
}

export interface PublishedFile {
  readonly url: string;
  readonly sizeBytes: number;
  /** In hexadecimal: the browser refuses anything else. */
  readonly sha256?: string;
}

/** A browser that lends its GPU. */
export interface BrowserWorker {
  /** For everybody to see. */
  readonly id: string;
  /** For the browser alone. */
  readonly secret: string;
  /** As the person who lends it calls it. */
  readonly name: string;
  readonly link: WorkerLink;
  /** The newest. */
  report: ReportOf<'device'>;
}

const ID = 'webgpu';
const MAX_WORKERS = 256;
const MAX_DEVICES = 8;
const MAX_TEXT = 200;

/** A browser keeps everything on its device. */
const CAPABILITIES: RuntimeCapabilities = {
  formats: ['MLC', 'GGUF'],
  partialOffload: false,
  cpuExperts: false,
  multiDevice: false,
  kvCacheTypes: ['F16'],
  batchSize: 512,
};

/** Browsers that come and go by themselves. */
export class WebGpu implements Backend {
  readonly id = ID;
  readonly capabilities = CAPABILITIES;
  readonly #options: WebGpuOptions;
  /** By secret. */
  readonly #workers = new Map<string, BrowserWorker>();

  constructor(options: WebGpuOptions) {
    this.#options = options;
  }

  /** @throws QUEUE_FULL where too many lend theirs already; INVALID_INPUT */
  register(name: string, report: ReportOf<'device'>): BrowserWorker {
    if (this.#workers.size >= MAX_WORKERS)
      throw new MixgateError(
        'QUEUE_FULL',
        `${MAX_WORKERS} browsers lend their GPU already: try again later.`,
      );
    if (!isModest(report))
      throw new MixgateError(
        'INVALID_INPUT',
        `device: must be a device frame with 1 to ${MAX_DEVICES} devices and short names.`,
      );
    const { leaseMs, onChange, log } = this.#options;
    const onDevices = (newer: ReportOf<'device'>): boolean => {
      worker.report = newer;
      onChange();
      return isModest(newer);
    };
    const link = new WorkerLink({ leaseMs, onDevices, onAttached: onChange });
    const worker: BrowserWorker = { id: randomUUID(), secret: randomUUID(), name, link, report };
    this.#workers.set(worker.secret, worker);
    log.info('worker.came', { worker: worker.id, name });
    onChange();
    void worker.link.gone.then(({ message }) => {
      this.#workers.delete(worker.secret);
      log.info('worker.gone', { worker: worker.id, reason: message });
      onChange();
    });
    return worker;
  }

  get present(): number {
    return this.#workers.size;
  }

  /** @throws NOT_FOUND where it is gone: then the worker registers anew */
  worker(secret: string): BrowserWorker {
    const worker = this.#workers.get(secret);
    if (worker !== undefined) return worker;
    throw new MixgateError('NOT_FOUND', 'This browser is not known any more: register again.');
  }

  async describe(): Promise<BackendStatus> {
    const workers = [...this.#workers.values()];
    return {
      version: workers[0]?.report.runtimeVersion ?? null,
      available: true,
      unavailableReason: null,
      devices: workers.flatMap(deviceFacts),
    };
  }

  async load(request: LoadRequest, options: LoadOptions): Promise<Resident> {
    const { deviceId, path, ...placement } = request;
    const { link } = this.#workerOf(deviceId);
    const published = await this.#options.publish(path, options.signal);
    try {
      const { mlc } = published;
      const files = [...published.files];
      const deviceIndex = Number(deviceId.split(':').at(-1));
      const loaded = await requestOf(
        link,
        { type: 'load', path: deviceId, files, deviceIndex, ...(mlc !== undefined && { mlc }), ...placement },
        'loaded',
        options,
      );
      let leave: (reason: Error | null) => void = () => undefined;
      const gone = new Promise<Error | null>((resolve) => (leave = resolve));
      void link.gone.then(leave);
      link.whenLost(loaded.id, leave);
      return channelResident(link, loaded, {
        gone,
        onBusy: () => undefined,
        unload: async () => {
          link.unload(loaded.id);
          leave(null);
        },
      });
    } finally {
      published.withdraw();
    }
  }

  async dispose(): Promise<void> {
    const error = new MixgateError('BACKEND_UNAVAILABLE', 'The gateway is shutting down.');
    for (const { link } of this.#workers.values()) link.end(error);
  }

  #workerOf(deviceId: string): BrowserWorker {
    const worker = [...this.#workers.values()].find((each) =>
      deviceFacts(each).some(({ id }) => id === deviceId),
    );
    if (worker !== undefined) return worker;
    throw new MixgateError('DEVICE_LOST', 'The browser that was planned with is gone: try again.', {
      deviceId,
    });
  }
}

function deviceFacts({ id, name, report, link }: BrowserWorker): DeviceFacts[] {
  const lender = { name, runtimeVersion: report.runtimeVersion, awayUntil: link.awayUntil };
  return report.devices.map((device, index) => ({
    id: `${ID}:${id}:${index}`,
    backendId: ID,
    name: name === '' ? device.name : `${device.name} (${name})`,
    kind: device.kind,
    memoryTotalBytes: device.memoryTotalBytes,
    memoryFreeBytes: Math.min(device.memoryFreeBytes, device.memoryTotalBytes),
    memorySource: device.memorySource ?? 'ESTIMATED',
    memoryBandwidth: null,
    observations: [],
    ...(device.formats !== undefined && { formats: device.formats }),
    webGpu: device.webGpu ?? null,
    lender,
  }));
}

const isModest = ({ devices, runtimeVersion }: ReportOf<'device'>): boolean =>
  devices.length >= 1 &&
  devices.length <= MAX_DEVICES &&
  [runtimeVersion, ...devices.map(({ name }) => name)].every((text) => text.length <= MAX_TEXT);
