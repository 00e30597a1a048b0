/** From the first byte up to before the second. */
export type ByteRange = readonly [start: number, end: number];

/** Which bytes of a file are there: ranges in order that neither touch nor overlap. */
export class ByteRanges {
  #ranges: ByteRange[];

  constructor(ranges: readonly ByteRange[] = []) {
    this.#ranges = [];
    for (const range of ranges) this.add(range);
  }

  get list(): readonly ByteRange[] {
    return this.#ranges;
  }

  get bytes(): number {
    return this.#ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  add([start, end]: ByteRange): void {
    if (end <= start) return;
    const apart = this.#ranges.filter(([from, to]) => to < start || from > end);
    const touching = this.#ranges.filter(([from, to]) => to >= start && from <= end);
    const merged: ByteRange = [
      Math.min(start, ...touching.map(([from]) => from)),
      Math.max(end, ...touching.map(([, to]) => to)),
    ];
    this.#ranges = [...apart, merged].sort((a, b) => a[0] - b[0]);
  }

  /** What is not there of the first `size` bytes, in pieces of at most `most` bytes. */
  missing(size: number, most = Infinity): ByteRange[] {
    const gaps: ByteRange[] = [];
    let at = 0;
    for (const [start, end] of [...this.#ranges, [size, size] as const]) {
      for (let from = at; from < Math.min(start, size); from += most)
        gaps.push([from, Math.min(from + most, start, size)]);
      at = Math.max(at, end);
    }
    return gaps;
  }
}
