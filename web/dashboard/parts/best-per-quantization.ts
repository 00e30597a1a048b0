/** Candidates come best first: the first of each quantization is its best. */
export function bestPerQuantization<Plan extends { readonly variant: { readonly quantization: string } }>(
  candidates: readonly Plan[],
): Plan[] {
  const seen = new Set<string>();
  return candidates.filter(({ variant }) => {
    if (seen.has(variant.quantization)) return false;
    seen.add(variant.quantization);
    return true;
  });
}
