import { z } from 'zod';

/** What options are made of. */

export const MIB = 2 ** 20;
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  'KIB': 2 ** 10,
  MIB,
  'GIB': 2 ** 30,
  'TIB': 2 ** 40,
  'KB': 1e3,
  'MB': 1e6,
  'GB': 1e9,
  'TB': 1e12,
};

/** Bytes as a number, or with a unit: `512MiB`, `1.5 GiB`, `16GB`. */
export const bytesSchema = z.union([z.number(), z.string()]).transform((value, context) => {
  const [, amount, unit = ''] = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(String(value)) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  const result = amount === undefined || factor === undefined ? NaN : Math.round(Number(amount) * factor);
  if (Number.isSafeInteger(result) && result >= 0) return result;
  context.addIssue({ code: 'custom', message: 'must be bytes, such as 1073741824, 512MiB or 16GB' });
  return z.NEVER;
});

/** A whole number; text counts, since the environment and the command line have nothing else. */
export const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
