/** Tokens that come faster than this go together: a frame costs more than a token of a small model. */
const INTERVAL_MS = 4;

/**
 * Sends text in few frames: the first token at once, later ones at once where they are slow, and together where they
 * come faster than one interval. None waits longer than that.
 */
export class PartSender {
  readonly #send: (text: string, tokenIds: number[]) => void;
  #text = '';
  #tokenIds: number[] = [];
  #sentAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (text: string, tokenIds: number[]) => void) {
    this.#send = send;
  }

  push(text: string, ...tokenIds: number[]): void {
    this.#text += text;
    this.#tokenIds.push(...tokenIds);
    const waited = performance.now() - this.#sentAt;
    if (waited >= INTERVAL_MS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), INTERVAL_MS - waited);
  }

  /** Sends what is there; call it before the end. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#tokenIds.length === 0 && this.#text === '') return;
    this.#send(this.#text, this.#tokenIds);
    this.#text = '';
    this.#tokenIds = [];
    this.#sentAt = performance.now();
  }
}
