import { MixgateError } from '../../errors.ts';
import { freeBytes, usedBytes } from './disk.ts';

/** Bytes. */
export interface DiskUse {
  /** Parts of unfinished pulls included. */
  readonly usedBytes: number;
  readonly freeBytes: number;
  readonly budgetBytes: number | null;
}

/** Bytes of a disk that are left free. */
const SPARE_BYTES = 64 * 2 ** 20;

/** Room for pulls: what the disk has and the budget allows, less what all that run have yet to write. */
export class DiskRoom {
  readonly #folder: string;
  readonly #budgetBytes: () => number | null;
  readonly #outstanding = new Set<() => number>();

  constructor(folder: string, budgetBytes: () => number | null) {
    this.#folder = folder;
    this.#budgetBytes = budgetBytes;
  }

  async use(): Promise<DiskUse> {
    const [used, free] = await Promise.all([usedBytes(this.#folder), freeBytes(this.#folder)]);
    return { usedBytes: used, freeBytes: free, budgetBytes: this.#budgetBytes() };
  }

  /** Counts what one pull has yet to write, until it is released. */
  hold(outstandingBytes: () => number): {
    readonly check: () => Promise<void>;
    readonly release: () => void;
  } {
    this.#outstanding.add(outstandingBytes);
    return {
      check: () => this.#check(outstandingBytes()),
      release: () => this.#outstanding.delete(outstandingBytes),
    };
  }

  /** @throws DISK_FULL */
  async #check(ownBytes: number): Promise<void> {
    if (ownBytes === 0) return;
    const neededBytes = [...this.#outstanding].reduce((sum, bytes) => sum + bytes(), 0);
    const { usedBytes: used, freeBytes: free, budgetBytes } = await this.use();
    const all = neededBytes === ownBytes ? '' : ` (${neededBytes} for all pulls that run)`;
    const left = Math.max(0, free - SPARE_BYTES);
    if (neededBytes > left)
      throw new MixgateError(
        'DISK_FULL',
        `${ownBytes} more bytes are needed${all} and ${left} are free on the disk of ${this.#folder}: free some, for instance with \`mixgate remove\`.`,
        { neededBytes, freeBytes: left },
      );
    if (budgetBytes === null || used + neededBytes <= budgetBytes) return;
    throw new MixgateError(
      'DISK_FULL',
      `${ownBytes} more bytes are needed${all}; models take ${used} of the ${budgetBytes} bytes that the disk budget allows: remove some, or raise diskBudget.`,
      { neededBytes, usedBytes: used, diskBudgetBytes: budgetBytes },
    );
  }
}
