/**
 * IEEE 754 half precision, which Node has no array for before version 24. Only what is needed here: numbers that are
 * zero or negative, rounded to the nearest; what is too large becomes the largest finite one.
 */
const bits = new Uint32Array(1);
const single = new Float32Array(bits.buffer);

const SIGN = 0x8000;
const LARGEST = 0xfbff;

/** @param value at most 0 */
export function toHalf(value: number): number {
  single[0] = Math.abs(value);
  const magnitude = bits[0]!;
  // As a half it has 5 bits of exponent with a bias of 15, and 10 of mantissa.
  const exponent = (magnitude >>> 23) - 127 + 15;
  if (exponent >= 31) return LARGEST;
  if (exponent <= 0) return SIGN | Math.round(Math.abs(value) * 2 ** 24);
  const rounded = (exponent << 10) + (((magnitude & 0x7fffff) + 0x1000) >>> 13);
  return rounded > 0x7bff ? LARGEST : SIGN | rounded;
}

/** Of every half, by its bits. */
export const HALVES: Float32Array = Float32Array.from({ length: 2 ** 16 }, (_, half) => {
  const sign = half & SIGN ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
});
