import { MixgateError, messageOf } from '../../errors.ts';
import { SourceError, type Opened, type RemoteFile } from './remote-file.ts';

export interface StreamHooks {
  /** A request that brings next to nothing for so long is given up, milliseconds. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
  /** Tells before which byte of the file to stop. */
  readonly onOpened: (opened: Opened) => number | Promise<number>;
  /** Bytes of the file from `position` on; the next come when it is done. */
  readonly onChunk: (bytes: Buffer, position: number) => void | Promise<void>;
}

/** Less than this between two looks is a stall. */
const STALL_BYTES = 1024;

/**
 * Hands on a range's bytes as they come, until its end, the body's, or what `onOpened` says.
 * @throws SOURCE_UNAVAILABLE for a stall or a cut; SourceError; what the hooks and opening throw; the signal's reason
 */
export async function streamRange(
  remote: RemoteFile,
  range: { readonly start: number; readonly end: number | null },
  validator: string | null,
  { stallMs, signal, onOpened, onChunk }: StreamHooks,
): Promise<void> {
  const watch = new Watch(remote.name, stallMs);
  const either = AbortSignal.any([signal, watch.signal]);
  try {
    either.throwIfAborted();
    const opened = await remote.open(range, validator, either);
    const cut = () => opened.body.destroy(either.reason as Error);
    either.addEventListener('abort', cut, { once: true });
    try {
      either.throwIfAborted();
      await pour(opened, await onOpened(opened), (bytes, position) =>
        watch.during(bytes.length, () => onChunk(bytes, position)),
      );
    } finally {
      either.removeEventListener('abort', cut);
      opened.body.destroy();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw watch.signal.aborted ? watch.signal.reason : networkError(error, remote.name);
  } finally {
    watch.end();
  }
}

async function pour(
  { body, start }: Opened,
  end: number,
  onChunk: (bytes: Buffer, position: number) => Promise<void>,
): Promise<void> {
  let position = start;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const bytes = chunk.subarray(0, end - position);
    await onChunk(bytes, position);
    position += bytes.length;
    if (position >= end) return;
  }
}

/** What ends a body is the network's fault, unless it says otherwise. */
function networkError(error: unknown, name: string): unknown {
  if (error instanceof MixgateError || error instanceof SourceError) return error;
  return new MixgateError('SOURCE_UNAVAILABLE', `${name} was cut: ${messageOf(error)}.`);
}

/** Aborts when too little comes for too long; the time that somebody takes over what came does not count. */
class Watch {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #received = 0;
  #seen = 0;
  #isTaking = false;

  constructor(name: string, stallMs: number) {
    this.#timer = setInterval(() => {
      const message = `${name} stalled: next to nothing came for ${stallMs} ms. Try again later.`;
      if (!this.#isTaking && this.#received - this.#seen < STALL_BYTES)
        this.#controller.abort(new MixgateError('SOURCE_UNAVAILABLE', message));
      this.#seen = this.#received;
    }, stallMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async during(bytes: number, take: () => void | Promise<void>): Promise<void> {
    this.#received += bytes;
    this.#isTaking = true;
    await take();
    this.#isTaking = false;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
