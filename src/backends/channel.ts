import { MixgateError, fromWire } from '../errors.ts';
import type { Command, CommandOf, Report } from '../protocol/frames.ts';

export type WithoutId<C> = C extends { id: string } ? Omit<C, 'id'> : never;

/** What an exchange is told: its reports, or the error that ended the channel. */
export type OnReport = (report: Report | MixgateError) => void;

/** The way to one runtime, whatever carries its frames. */
export interface Channel {
  /** Opens an exchange; `onReport` gets its reports, or the error that ended the channel. Returns its id. */
  open(command: WithoutId<Command>, onReport: OnReport): string;
  send(command: Command): void;
}

interface RequestHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** Waits for the one report of the given type that ends an exchange; gives it with the exchange's id. */
export function request<Type extends 'device' | 'loaded'>(
  channel: Channel,
  command: WithoutId<CommandOf<'describe' | 'load'>>,
  ending: Type,
  { signal, onProgress }: RequestHooks,
): Promise<Extract<Report, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const id = channel.open(command, (report) => {
      if (report instanceof MixgateError) reject(report);
      else if (report.type === 'error') reject(fromWire(report.error));
      else if (report.type === 'progress') onProgress?.(report.fraction);
      else if (report.type === ending) resolve(report as Extract<Report, { type: Type }>);
      else reject(new MixgateError('INTERNAL', `A ${report.type} frame does not answer a ${command.type}.`));
    });
    signal?.addEventListener('abort', () => channel.send({ type: 'cancel', id }), { once: true });
  });
}

/** The exchanges that are open on a channel. */
export class Exchanges {
  readonly #open = new Map<string, OnReport>();
  #lastId = 0;

  /** The id of a new one. */
  add(onReport: OnReport): string {
    const id = String(++this.#lastId);
    this.#open.set(id, onReport);
    return id;
  }

  /** Was an exchange of this id ever opened? */
  isKnown(id: string): boolean {
    const number = Number(id);
    return Number.isInteger(number) && number >= 1 && number <= this.#lastId;
  }

  /** Tells who opened it; what comes after the end is dropped. */
  receive(report: Report): void {
    const onReport = this.#open.get(report.id);
    if (report.type !== 'progress' && report.type !== 'part') this.#open.delete(report.id);
    onReport?.(report);
  }

  /** The channel has ended. */
  endAll(error: MixgateError): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const onReport of open) onReport(error);
  }
}
