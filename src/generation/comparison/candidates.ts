import type { TokenCandidate } from '../../backends/backend.ts';
import { asMixgateError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { aborted } from '../aborted.ts';
import { acquireLoaded, type AcquireServices } from '../acquire.ts';
import type { Generation } from '../generation.ts';
import { forkOf, type Fork } from './divergence.ts';

/** What both lanes held likely where the answer of one parts from lane 0's. */
export interface DivergenceCandidates {
  /** By lane 0's model, most likely first; null where it cannot tell any more. */
  readonly reference: readonly TokenCandidate[] | null;
  /** By the lane's own. */
  readonly own: readonly TokenCandidate[] | null;
  /** The token that lane 0 went on with. */
  readonly referenceToken: number;
  /** The one that the lane went on with. */
  readonly ownToken: number;
}

export interface CandidatesOptions extends Pick<AcquireServices, 'machine' | 'residency'> {
  readonly log: Log;
  /** What is not told by then, milliseconds, is left out: nobody waits longer for a comparison's end, or a lane's turn. */
  readonly candidatesMs?: number;
}

/** The most likely tokens that are asked for; those drawn come on top. */
const COUNT = 10;
/** A slot that has just answered needs a few milliseconds. */
const WAIT_MS = 2000;

/**
 * Asks the models of a comparison, after they have answered, what they held likely where answers part; each pair once.
 * Only what is still loaded is asked, and a failure costs nothing but the figures.
 */
export class CandidateProbe {
  readonly #options: CandidatesOptions;
  readonly #asked = new Map<Generation, Promise<DivergenceCandidates | null>>();

  constructor(options: CandidatesOptions) {
    this.#options = options;
  }

  /** Null where the answers do not part, and where nobody can tell. Never throws, and never takes longer than `candidatesMs`. */
  at(own: Generation, reference: Generation): Promise<DivergenceCandidates | null> {
    const known = this.#asked.get(own);
    if (known !== undefined) return known;
    const asking = this.#ask(own, reference);
    this.#asked.set(own, asking);
    return asking;
  }

  async #ask(own: Generation, reference: Generation): Promise<DivergenceCandidates | null> {
    if ([own, reference].some(({ state }) => state !== 'COMPLETED')) return null;
    const fork = forkOf(own.answer, reference.answer);
    if (fork === null) return null;
    const { candidatesMs = WAIT_MS } = this.#options;
    const signal = AbortSignal.any([own.signal, reference.signal, AbortSignal.timeout(candidatesMs)]);
    const [ownCandidates, referenceCandidates] = await Promise.all(
      [own, reference].map((generation) => this.#withinTime(generation, fork, signal)),
    );
    if (!ownCandidates && !referenceCandidates) return null;
    return {
      reference: referenceCandidates ?? null,
      own: ownCandidates ?? null,
      referenceToken: fork.reference,
      ownToken: fork.own,
    };
  }

  /** A runtime may take its time to see that it was cancelled; its slot is taken until then. */
  #withinTime(generation: Generation, fork: Fork, signal: AbortSignal) {
    const asked = this.#predict(generation, fork, signal).catch((error: unknown) => {
      const { code, message } = asMixgateError(error);
      const isExpected = signal.aborted || code === 'NOT_FOUND';
      const fields = { generation: generation.id, code, message };
      this.#options.log[isExpected ? 'debug' : 'warn']('comparison.noCandidates', fields);
      return null;
    });
    return Promise.race([asked, aborted(signal).then(() => null)]);
  }

  async #predict(
    { plan, request, callerId }: Generation,
    { shared, own, reference }: Fork,
    signal: AbortSignal,
  ): Promise<readonly TokenCandidate[] | null> {
    const { machine } = this.#options;
    const backend = machine.backends.find(({ id }) => id === plan?.backendId);
    if (plan === null || backend?.capabilities.prediction !== true) return null;
    const { prompt, priority, gpuLayers } = request;
    const wanted = { plan, priority, callerId, layersArePinned: gpuLayers !== null };
    const lease = await acquireLoaded(wanted, this.#options, signal);
    try {
      const question = { prompt, tokens: shared, contextSize: plan.contextSize, count: COUNT };
      const answer = lease.resident.predict?.({ ...question, always: [own, reference] }, signal);
      for await (const { reason, candidates } of answer ?? []) if (reason === 'COMPLETED') return candidates;
      return null;
    } finally {
      lease.release();
    }
  }
}
