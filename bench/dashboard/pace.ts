import type { TestGateway } from '../../test/support/gateway.ts';

/** How long the engines compute at a stretch at least: a token or two of each lane. */
const STEP_MS = 4;

interface Speed {
  readonly perSecond: number;
  /** All that have come. */
  readonly tokens: () => number;
}

/**
 * Lets a gateway's engines compute only as fast as wanted: they stand still, as processes, while more tokens have come
 * than the time allows. The demo model is faster than any page has to be.
 */
export class Pace {
  #runners: readonly number[];
  readonly #allowed: () => number;
  readonly #tokens: () => number;
  readonly #timer: NodeJS.Timeout;

  private constructor(runners: readonly number[], { perSecond, tokens }: Speed) {
    const [startedAt, before] = [performance.now(), tokens()];
    this.#runners = runners;
    this.#tokens = tokens;
    this.#allowed = () => before + ((performance.now() - startedAt) / 1000) * perSecond;
    this.#timer = setInterval(() => this.#step(), STEP_MS);
  }

  /** Of the engines that run now. */
  static async begin(gateway: TestGateway, speed: Speed): Promise<Pace> {
    return new Pace(await gateway.runners(), speed);
  }

  /** As fast as they can. */
  end(): void {
    clearInterval(this.#timer);
    this.#signal('SIGCONT');
  }

  #step(): void {
    this.#signal(this.#tokens() < this.#allowed() ? 'SIGCONT' : 'SIGSTOP');
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
