import type { TestGateway } from '../../test/support/gateway.ts';

/** How long the engines compute at a stretch at least: a token or two of each lane. */
const STEP_MS = 4;

/**
 * Lets a gateway's engines compute only as fast as wanted: they stand still, as processes, while more tokens have come
 * than the time allows. The demo model is faster than any page has to be.
 */
export class Pace {
  #runners: readonly number[];
  #perSecond = 0;
  #tokens = 0;
  #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  private constructor(runners: readonly number[]) {
    this.#runners = runners;
    this.#timer = setInterval(() => this.#step(), STEP_MS);
  }

  /** Of the engines that run now: they stand still. */
  static async begin(gateway: TestGateway): Promise<Pace> {
    return new Pace(await gateway.runners());
  }

  /** From now on so many tokens a second, of all of them together. */
  go(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#tokens = 0;
    this.#startedAt = performance.now();
  }

  arrived(tokens: number): void {
    this.#tokens += tokens;
  }

  /** As fast as they can. */
  end(): void {
    clearInterval(this.#timer);
    this.#signal('SIGCONT');
  }

  #step(): void {
    const allowed = ((performance.now() - this.#startedAt) / 1000) * this.#perSecond;
    this.#signal(this.#tokens < allowed ? 'SIGCONT' : 'SIGSTOP');
  }

  #signal(signal: NodeJS.Signals): void {
    this.#runners = this.#runners.filter((runner) => isSignalled(runner, signal));
  }
}

/** False where it has ended: one that only described its devices does. */
function isSignalled(runner: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(runner, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
