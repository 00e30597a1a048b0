/**
 * Gives out text as soon as it is sure: holds back what may still become a stop sequence. Pure, so that any cut
 * of the same text into pieces gives the same result.
 */
export class TextStream {
  readonly #stops: readonly string[];
  #held = '';
  /** The stop sequence that ended the text. */
  stoppedBy: string | null = null;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** Text that is sure now. After a stop sequence was found: what stood before it, then nothing. */
  push(piece: string): string {
    if (this.stoppedBy !== null) return '';
    const text = this.#held + piece;
    const found = this.#stops
      .map((stop) => ({ stop, at: text.indexOf(stop) }))
      .filter(({ at }) => at !== -1)
      .sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)[0];
    if (found !== undefined) {
      this.stoppedBy = found.stop;
      this.#held = '';
      return text.slice(0, found.at);
    }
    const sure = text.length - this.#longestBeginning(text);
    this.#held = text.slice(sure);
    return text.slice(0, sure);
  }

  /** What was held back, when the text ended without a stop sequence. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** Length of the longest end of `text` that begins a stop sequence. */
  #longestBeginning(text: string): number {
    let longest = 0;
    for (const stop of this.#stops)
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
        if (text.endsWith(stop.slice(0, length))) longest = length;
    return longest;
  }
}
