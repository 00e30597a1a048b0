import { z } from 'zod';
import { MixgateError } from '../errors.ts';
import { reportSchema } from '../protocol/frames.ts';
import { parseRequest } from './request.ts';

/** One numbered command. */
export interface WorkerCommand {
  readonly sequence: number;
  readonly command: unknown;
}

/** What is needed of a browser's link. */
export interface WorkerLink {
  commands(after: number, signal: AbortSignal): AsyncIterable<readonly WorkerCommand[]>;
  receive(first: number, reports: readonly unknown[], seen: number): number;
  end(error: MixgateError): MixgateError;
}

interface Worker {
  /** Known to the browser alone: whoever has it is that browser. */
  readonly secret: string;
  readonly link: WorkerLink;
}

/** The backend that browsers register with. */
export interface WorkerRegistry {
  register(name: string, report: Extract<z.output<typeof reportSchema>, { type: 'device' }>): Worker;
  worker(secret: string): Worker;
  /** Browsers that are here, or away for less than their lease. */
  readonly present: number;
}

const MAX_NAME = 80;
const MAX_REPORTS = 1000;

const joinSchema = z.object({
  name: z
    .string()
    .max(MAX_NAME)
    .nullish()
    .transform((name) => name ?? ''),
  worker: z.string().min(1).nullish(),
  device: z.unknown().optional(),
  after: z.number().int().min(0).nullish(),
});
const reportsSchema = z.object({
  first: z.number().int().min(1),
  seen: z.number().int().min(0),
  reports: z.array(z.unknown()).max(MAX_REPORTS),
});

/** Lets browsers in that have a key for it, and nothing else of the gateway in with them. */
export class BrowserWorkers {
  readonly #registry: WorkerRegistry;
  readonly #admits: (key: string) => boolean;

  constructor(registry: WorkerRegistry, admits: (key: string) => boolean) {
    this.#registry = registry;
    this.#admits = admits;
  }

  /** Browsers that lend themselves. */
  get present(): number {
    return this.#registry.present;
  }

  /** Registers a browser, or takes it back. @throws UNAUTHENTICATED, INVALID_INPUT, NOT_FOUND, QUEUE_FULL */
  join({ key, ...input }: { readonly key: string }): Worker {
    this.#check(key);
    const { name, worker, device } = parseRequest(joinSchema, input);
    if (typeof worker === 'string') return this.#registry.worker(worker);
    const report = reportSchema.safeParse(device);
    if (!report.success || report.data.type !== 'device')
      throw new MixgateError('INVALID_INPUT', 'device: must be a device frame.');
    return this.#registry.register(name, report.data);
  }

  /** First who it is, then what it is asked to do. */
  async *commands(
    worker: string,
    link: WorkerLink,
    { after, signal }: { readonly after: number; readonly signal: AbortSignal },
  ): AsyncGenerator<{ worker: string; commands: readonly WorkerCommand[] }> {
    yield { worker, commands: [] };
    for await (const commands of link.commands(after, signal)) yield { worker, commands };
  }

  /** @throws UNAUTHENTICATED, INVALID_INPUT, NOT_FOUND; BACKEND_CRASHED where the worker was given up */
  receive(input: {
    readonly key: string;
    readonly worker: string;
    readonly first: number;
    readonly reports: unknown;
    readonly seen: number;
    readonly isLeaving: boolean;
  }): number {
    this.#check(input.key);
    const { link } = this.#registry.worker(input.worker);
    const { first, reports, seen } = parseRequest(reportsSchema, input);
    const received = link.receive(first, reports, seen);
    if (input.isLeaving)
      link.end(
        new MixgateError(
          'BACKEND_CRASHED',
          'The browser that computed this was closed: send the request again.',
        ),
      );
    return received;
  }

  /** @throws UNAUTHENTICATED */
  #check(key: string): void {
    if (this.#admits(key)) return;
    throw new MixgateError(
      'UNAUTHENTICATED',
      'The worker key is not right: open the link that the gateway prints at its start, or one with an API key of the role WORKER.',
    );
  }
}
