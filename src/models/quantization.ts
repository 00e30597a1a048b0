import type { TensorFacts } from '../routing/weights.ts';

/** One of llama.cpp's mixes of tensor types. */
interface FileType {
  readonly name: string;
  /** The types that may hold most of its layers: its own first, then what the quantizer takes where a row is no multiple of 256. */
  readonly bases: readonly string[];
}

const of = (name: string, ...bases: string[]): FileType => ({
  name,
  bases: bases.length > 0 ? bases : [name],
});

/** llama.cpp's `llama_ftype` (llama.h) by number, as `general.file_type` holds it. */
const FILE_TYPES: ReadonlyMap<number, FileType> = new Map([
  [0, of('F32')],
  [1, of('F16')],
  [2, of('Q4_0')],
  [3, of('Q4_1')],
  [7, of('Q8_0')],
  [8, of('Q5_0')],
  [9, of('Q5_1')],
  [10, of('Q2_K', 'Q2_K', 'IQ4_NL', 'Q4_0')],
  [11, of('Q3_K_S', 'Q3_K', 'IQ4_NL', 'Q4_0')],
  [12, of('Q3_K_M', 'Q3_K', 'IQ4_NL', 'Q4_0')],
  [13, of('Q3_K_L', 'Q3_K', 'IQ4_NL', 'Q4_0')],
  [14, of('Q4_K_S', 'Q4_K', 'Q5_0')],
  [15, of('Q4_K_M', 'Q4_K', 'Q5_0')],
  [16, of('Q5_K_S', 'Q5_K', 'Q5_1')],
  [17, of('Q5_K_M', 'Q5_K', 'Q5_1')],
  [18, of('Q6_K', 'Q6_K', 'Q8_0')],
  [19, of('IQ2_XXS', 'IQ2_XXS', 'IQ4_NL')],
  [20, of('IQ2_XS', 'IQ2_XS', 'IQ4_NL')],
  [21, of('Q2_K_S', 'Q2_K', 'IQ4_NL', 'Q4_0')],
  [22, of('IQ3_XS', 'IQ3_S', 'IQ3_XXS', 'IQ4_NL')],
  [23, of('IQ3_XXS', 'IQ3_XXS', 'IQ4_NL')],
  [24, of('IQ1_S', 'IQ1_S', 'IQ4_NL')],
  [25, of('IQ4_NL')],
  [26, of('IQ3_S', 'IQ3_S', 'IQ4_NL')],
  [27, of('IQ3_M', 'IQ3_S', 'IQ4_NL')],
  [28, of('IQ2_S', 'IQ2_XS', 'IQ2_S', 'IQ4_NL')],
  [29, of('IQ2_M', 'IQ2_S', 'IQ4_NL')],
  [30, of('IQ4_XS', 'IQ4_XS', 'IQ4_NL')],
  [31, of('IQ1_M', 'IQ1_M', 'IQ4_NL')],
  [32, of('BF16')],
  [36, of('TQ1_0', 'TQ1_0', 'Q4_0')],
  [37, of('TQ2_0', 'TQ2_0', 'Q4_0')],
  [38, of('MXFP4_MOE', 'MXFP4')],
]);

/** Names of all quantizations, as files are called after them. */
export const QUANTIZATION_NAMES: readonly string[] = [...FILE_TYPES.values()].map(({ name }) => name);

/**
 * The quantization that a tensor table is. The file's own `general.file_type` is believed where the type that holds
 * most of the layers agrees with it, and a file's name never; null where the table has no layers.
 */
export function quantizationOf(tensors: readonly TensorFacts[], fileType: number | null): string | null {
  const elementsByType = new Map<string, number>();
  for (const { name, type, elements } of tensors)
    if (name.startsWith('blk.')) elementsByType.set(type, (elementsByType.get(type) ?? 0) + elements);
  const base = [...elementsByType].toSorted((a, b) => b[1] - a[1])[0]?.[0];
  if (base === undefined) return null;
  const claimed = FILE_TYPES.get(fileType ?? -1);
  return claimed?.bases.includes(base) === true ? claimed.name : mixOf(base, elementsByType);
}

/** S, M and L of the K-quants differ in how much of the layers has a better type than the base. */
function mixOf(base: string, elementsByType: ReadonlyMap<string, number>): string {
  const all = [...elementsByType.values()].reduce((sum, elements) => sum + elements, 0);
  const has = (type: string, share: number) => (elementsByType.get(type) ?? 0) > share * all;
  switch (base) {
    case 'Q3_K':
      if (has('Q5_K', 0.15)) return 'Q3_K_L';
      return has('Q4_K', 0.05) ? 'Q3_K_M' : 'Q3_K_S';
    case 'Q4_K':
    case 'Q5_K':
      return has('Q6_K', 0.05) ? `${base}_M` : `${base}_S`;
    case 'MXFP4':
      return 'MXFP4_MOE';
    default:
      return base;
  }
}
