import { deviceReport, type Lent } from './device.ts';
import { findGpu, watchGpu, type Gpu } from './gpu.ts';
import { Link, type LinkState } from './link.ts';
import { Runtime, type RuntimeState } from './runtime.ts';

export interface LenderOptions extends Lent {
  readonly url: string;
  readonly key: string;
  readonly name: string;
  readonly onState: (state: LinkState) => void;
  readonly onDevices: (names: readonly string[]) => void;
  readonly onRuntime: (state: RuntimeState) => void;
  /** The GPU is gone, and only a new browser brings it back. */
  readonly onGpuGone: () => void;
}

/** Lends this browser until it is told to stop; registers anew whenever the gateway has forgotten it, or its GPU is gone. */
export class Lender {
  readonly #options: LenderOptions;
  #current: { readonly link: Link; readonly runtime: Runtime } | null = null;
  #gpu: Gpu | null = null;
  #isStopped = false;

  constructor(options: LenderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#gpu = await findGpu();
    if (this.#isStopped) return;
    if (this.#gpu !== null) void watchGpu(() => this.#withoutGpu());
    this.#register();
  }

  /** Says goodbye at once; the models are freed a little later. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#end();
  }

  #register(): void {
    const { url, key, name, onState, onRuntime } = this.#options;
    const device = deviceReport(this.#options, this.#gpu);
    const runtime: Runtime = new Runtime({
      isGpu: device.devices.map(({ kind }) => kind === 'WEBGPU'),
      send: (report) => link.send(report),
      onChange: (state) => {
        if (this.#current?.runtime === runtime) onRuntime(state);
      },
    });
    const link: Link = new Link({
      url,
      key,
      name,
      device,
      onCommand: (command) => runtime.take(command),
      onForgotten: () => {
        void runtime.end();
        // As another worker: what the old one still says is nobody's business.
        if (this.#current?.link === link) this.#register();
      },
      onState,
    });
    this.#current = { link, runtime };
    this.#options.onDevices(namesOf(device));
  }

  /** What ran on it has been told as lost already; the CPU is lent on. */
  #withoutGpu(): void {
    if (this.#isStopped) return;
    this.#gpu = null;
    const device = deviceReport(this.#options, null);
    this.#current?.link.send(device);
    this.#options.onDevices(namesOf(device));
    this.#options.onGpuGone();
  }

  async #end(): Promise<void> {
    const current = this.#current;
    this.#current = null;
    current?.link.close();
    await current?.runtime.end();
  }
}

const namesOf = ({ devices }: ReturnType<typeof deviceReport>): string[] =>
  devices.map(({ name, kind }) => `${name} (${kind})`);
