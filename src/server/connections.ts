import { MixgateError } from '../errors.ts';

export interface ConnectionLimits {
  readonly maxSockets: number;
  readonly maxSocketsPerAddress: number;
}

/** Counts what stays open, WebSockets and event streams alike, in all and by address. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #byAddress = new Map<string, number>();
  #count = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Returns what gives the place back, to be called once. @throws TOO_MANY_CONNECTIONS */
  enter(address: string): () => void {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    this.#admit('maxSockets', this.#count, 'are open');
    this.#admit('maxSocketsPerAddress', ofAddress, `of ${address} are open`);
    this.#count += 1;
    this.#byAddress.set(address, ofAddress + 1);
    return () => {
      this.#count -= 1;
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    };
  }

  #admit(limit: keyof ConnectionLimits, count: number, what: string): void {
    const maximum = this.#limits[limit];
    if (count < maximum) return;
    throw new MixgateError(
      'TOO_MANY_CONNECTIONS',
      `${count} WebSockets and event streams ${what}, and more are not allowed (${limit}). Close some, or try again later.`,
      { limit, maximum },
    );
  }
}
