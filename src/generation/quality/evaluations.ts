import { randomUUID } from 'node:crypto';
import type { ReferenceFile, ScoreEnd } from '../../backends/backend.ts';
import { asMixgateError, MixgateError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { variantsOf, type Catalog } from '../../models/catalog.ts';
import { acquire, type AcquireServices } from '../acquire.ts';
import { isDoneWithin } from '../done-within.ts';
import type { Archive } from '../history/archive.ts';
import type { PlanSubject } from '../planner.ts';
import type { QualityEvent, QualityResult } from './evaluation.ts';
import type { OnTokens } from '../token-count.ts';
import { Keeping } from './keeping.ts';
import type { ReferenceFolder } from './reference-folder.ts';
import { DEFAULT_WINDOW, type QualityRequest } from './request.ts';

export interface EvaluationsOptions extends AcquireServices {
  readonly catalog: Catalog;
  readonly folder: ReferenceFolder;
  readonly archive: Archive;
  readonly now: () => number;
  readonly log: Log;
  readonly onTokens: OnTokens;
}

/** More are refused: each may take `MAX_REFERENCE_BYTES` of the disk, and a slot. */
const MAX_AT_ONCE = 4;
const MAX_REFERENCE_BYTES = 16 * 2 ** 30;

/** What one quantization after the other is measured with. */
interface Measuring {
  readonly subject: PlanSubject;
  readonly request: QualityRequest;
  readonly callerId: string;
  readonly signal: AbortSignal;
}

interface Measured {
  readonly callerId: string;
  readonly model: string;
  readonly quantization: string;
}

/** Measures what quantizations of a model make of a text, one after the other, each in a slot as a generation has it. */
export class Evaluations {
  readonly #options: EvaluationsOptions;
  readonly #running = new Map<AbortController, Promise<void>>();

  #isDraining = false;

  constructor(options: EvaluationsOptions) {
    this.#options = options;
  }

  /**
   * Checks and starts; the events come as they are read. The reference comes first, and by itself where it is not among
   * the quantizations. Leaving stops it within a batch.
   * @throws INVALID_INPUT, MODEL_NOT_FOUND, VARIANT_NOT_AVAILABLE, CONTEXT_OVERFLOW, BACKEND_UNAVAILABLE, QUEUE_FULL
   */
  start(request: QualityRequest, callerId: string): (signal: AbortSignal) => AsyncGenerator<QualityEvent> {
    if (this.#isDraining) throw shuttingDown();
    const { reference, quantizations } = this.#named(request);
    const subject = this.#subject(request);
    const order = [...new Set([...(reference === null ? [] : [reference]), ...quantizations])];
    for (const quantization of order) this.#options.planner.check({ ...subject, quantization });
    if (this.#running.size >= MAX_AT_ONCE)
      throw new MixgateError(
        'QUEUE_FULL',
        `${this.#running.size} evaluations are running already: try again later.`,
      );
    return (signal) => this.#tracked(order, { ...request, reference }, { subject, callerId, signal });
  }

  /** Takes no more, and resolves when nothing runs any more, or after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    this.#isDraining = true;
    await isDoneWithin(limitMs, Promise.all(this.#running.values()));
  }

  /** Ends what runs, and resolves when nothing is left of it. */
  async close(): Promise<void> {
    this.#isDraining = true;
    for (const controller of this.#running.keys()) controller.abort();
    await Promise.all(this.#running.values());
  }

  async *#tracked(
    order: readonly string[],
    request: QualityRequest,
    { subject, callerId, signal }: Pick<Measuring, 'subject' | 'callerId' | 'signal'>,
  ): AsyncGenerator<QualityEvent> {
    const controller = new AbortController();
    let ended: () => void = () => undefined;
    this.#running.set(controller, new Promise((resolve) => (ended = resolve)));
    const either = AbortSignal.any([signal, controller.signal]);
    const keeping = new Keeping(request, { subject, callerId }, this.#options);
    try {
      for await (const event of this.#inTurn(order, { subject, request, callerId, signal: either })) {
        keeping.add(event);
        yield event;
      }
      keeping.end(either.aborted ? 'CANCELLED' : 'COMPLETED');
    } catch (error) {
      if (controller.signal.aborted) throw shuttingDown();
      if (!signal.aborted) {
        keeping.end('FAILED', asMixgateError(error));
        throw error;
      }
    } finally {
      keeping.end('CANCELLED');
      this.#running.delete(controller);
      ended();
    }
  }

  async *#inTurn(order: readonly string[], evaluation: Measuring): AsyncGenerator<QualityEvent> {
    const { reference } = evaluation.request;
    const file = reference === null ? null : await this.#options.folder.create();
    try {
      for (const quantization of order) {
        const mode = quantization === reference ? 'WRITE' : 'READ';
        const compared =
          file === null ? null : ({ path: file.path, mode, maxBytes: MAX_REFERENCE_BYTES } as const);
        yield* this.#measure(quantization, compared, evaluation);
      }
    } finally {
      await file?.remove();
    }
  }

  async *#measure(
    quantization: string,
    reference: ReferenceFile | null,
    { subject, request, callerId, signal }: Measuring,
  ): AsyncGenerator<QualityEvent> {
    yield { quantization, progress: 0, result: null };
    const nothing = () => undefined;
    const { lease } = await acquire(
      { ...subject, quantization },
      { id: randomUUID(), callerId, wantsSlot: true, pins: false, priority: 0 },
      this.#options,
      { signal, onPlan: nothing, onPosition: nothing, onLoading: nothing },
    );
    let hasAnswered = false;
    try {
      const { text, maxWindows } = request;
      const { contextSize } = subject;
      const { resident } = lease;
      if (resident.score === undefined) throw cannotScore(lease.plan.backendId);
      for await (const part of resident.score({ text, contextSize, maxWindows, reference }, signal)) {
        hasAnswered = part.type === 'end' && part.reason === 'COMPLETED';
        if (part.type === 'end')
          yield this.#ended(part, { model: request.model, quantization, callerId }, signal);
        // The last event says 1.
        else if (part.fraction < 1) yield { quantization, progress: part.fraction, result: null };
      }
    } finally {
      lease.release(hasAnswered);
    }
  }

  /** @throws the signal's reason where it was cancelled */
  #ended(part: ScoreEnd, { model, quantization, callerId }: Measured, signal: AbortSignal): QualityEvent {
    this.#options.onTokens(callerId, part.tokens);
    if (part.reason === 'CANCELLED') signal.throwIfAborted();
    const result = resultOf(part);
    this.#options.log.info('quality.measured', { model, quantization, ...result });
    return { quantization, progress: 1, result };
  }

  /** As the variants themselves are called, however they were spelt. @throws MODEL_NOT_FOUND, VARIANT_NOT_AVAILABLE */
  #named({ model, quantizations, reference }: QualityRequest) {
    const facts = this.#options.catalog.model(model);
    const named = (quantization: string) => variantsOf(facts, quantization)[0]!.quantization;
    return {
      quantizations: quantizations.map(named),
      reference: reference === null ? null : named(reference),
    };
  }

  #subject({ model, contextSize, device }: QualityRequest): PlanSubject {
    const { machine, catalog } = this.#options;
    const able = machine.backends.filter(({ capabilities }) => capabilities.scoring === true);
    const target = machine.targets().find(({ id }) => id === device);
    if (target !== undefined && !able.some(({ id }) => id === target.backendId))
      throw cannotScore(target.backendId);
    const backend = target?.backendId ?? able[0]?.id;
    if (backend === undefined)
      throw new MixgateError(
        'BACKEND_UNAVAILABLE',
        'No backend here can measure quality: it takes llama.cpp on this machine, see `mixgate doctor`.',
      );
    return {
      model,
      quantization: null,
      backend,
      device,
      gpuLayers: null,
      contextSize: contextSize ?? Math.min(DEFAULT_WINDOW, catalog.model(model).contextLength),
      slots: 1,
      objective: 'BALANCED',
      // What is measured is the weights.
      kvCacheType: 'F16',
    };
  }
}

const shuttingDown = () =>
  new MixgateError('BACKEND_UNAVAILABLE', 'The gateway is shutting down: try again soon.');

const cannotScore = (backendId: string): MixgateError =>
  new MixgateError(
    'INVALID_INPUT',
    `${backendId} cannot measure quality: leave device out, or name one of llama.cpp's.`,
  );

function resultOf({ tokens, negativeLogLikelihood, klDivergence, sameTopToken }: ScoreEnd): QualityResult {
  if (negativeLogLikelihood === null)
    throw new MixgateError('INTERNAL', 'The runtime scored no token of the text.');
  return { tokens, perplexity: Math.exp(negativeLogLikelihood), klDivergence, sameTopToken };
}
