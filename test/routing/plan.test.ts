import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from '../../src/routing/plan.ts';
import { qualityRank } from '../../src/routing/quality.ts';
import { GIB, gpu, MIXTRAL, request, snapshot } from './facts.ts';

describe('plan', () => {
  const memory = fc.integer({ min: 0, max: 120 }).map((gib) => gib * GIB);
  const objective = fc.constantFrom('QUALITY', 'BALANCED', 'SPEED' as const);

  it('never goes over the budget', () => {
    fc.assert(
      fc.property(memory, objective, fc.integer({ min: 1, max: 8 }), (bytes, goal, slotsWanted) => {
        const { candidates } = plan({ ...request, objective: goal, slotsWanted }, snapshot([gpu(bytes)]));
        for (const candidate of candidates.filter(({ fits }) => fits))
          expect(candidate.memory.deviceTotalBytes).toBeLessThanOrEqual(bytes - GIB);
      }),
    );
  });

  it('never chooses worse with more memory', () => {
    fc.assert(
      fc.property(memory, memory, fc.constantFrom(900e9, null), (one, other, memoryBandwidth) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)].map(
          (bytes) => plan(request, snapshot([gpu(bytes, { memoryBandwidth })])).chosen,
        );
        if (less === null || less === undefined) return;
        expect(more).not.toBeNull();
        const rank = (id: string) => qualityRank(MIXTRAL.find((variant) => variant.id === id)!);
        const isSame = less.variantId === more!.variantId;
        if (isSame) expect(more!.gpuLayers).toBeGreaterThanOrEqual(less.gpuLayers);
        else if (less.gpuLayers === 33)
          expect(rank(more!.variantId)).toBeLessThanOrEqual(rank(less.variantId));
      }),
    );
  });

  it('gives no more layers to a longer context', () => {
    fc.assert(
      fc.property(
        memory,
        fc.integer({ min: 256, max: 32768 }),
        fc.integer({ min: 256, max: 32768 }),
        (bytes, a, b) => {
          const layers = (contextSize: number) =>
            plan({ ...request, quantization: 'Q4_K_M', contextSize }, snapshot([gpu(bytes)])).candidates[0]!
              .gpuLayers;
          expect(layers(Math.max(a, b))).toBeLessThanOrEqual(layers(Math.min(a, b)));
        },
      ),
    );
  });

  it('does not depend on the order of variants and devices', () => {
    const devices = [
      gpu(16 * GIB, { id: 'small' }),
      gpu(24 * GIB, { id: 'slow', memoryBandwidth: 300e9 }),
      gpu(24 * GIB, { id: 'unknown', memoryBandwidth: null }),
      gpu(64 * GIB, { id: 'cpu', kind: 'CPU', memoryBandwidth: 40e9 }),
    ];
    const expected = plan(request, snapshot(devices));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(devices, { minLength: devices.length }),
        fc.shuffledSubarray([...MIXTRAL], { minLength: MIXTRAL.length }),
        (shuffledDevices, shuffledVariants) => {
          expect(plan(request, snapshot(shuffledDevices, shuffledVariants))).toEqual(expected);
        },
      ),
    );
  });

  it('takes as many slots as are wanted only where they cost no layer', () => {
    for (const bytes of [16 * GIB, 24 * GIB, 40 * GIB, 80 * GIB]) {
      const one = plan({ ...request, quantization: 'Q4_K_M' }, snapshot([gpu(bytes)])).chosen!;
      const more = plan(
        { ...request, quantization: 'Q4_K_M', slotsWanted: 4 },
        snapshot([gpu(bytes)]),
      ).chosen!;
      expect(more.gpuLayers).toBe(one.gpuLayers);
    }
    const roomy = plan({ ...request, slotsWanted: 4 }, snapshot([gpu(80 * GIB)])).chosen!;
    expect(roomy.slots).toBe(4);
  });

  it('respects what is pinned', () => {
    const { candidates, chosen } = plan(
      { ...request, quantization: 'Q2_K', gpuLayers: 7 },
      snapshot([gpu(16 * GIB)]),
    );
    expect(candidates).toHaveLength(1);
    expect(chosen).toMatchObject({ quantization: 'Q2_K', gpuLayers: 7 });
  });

  it('chooses nothing above Q6_K by itself', () => {
    expect(plan(request, snapshot([gpu(200 * GIB)])).chosen!.quantization).toBe('Q6_K');
  });

  it('says what is missing, in bytes, when nothing fits', () => {
    const { chosen, candidates } = plan(request, snapshot([gpu(GIB)]));
    expect(chosen).toBeNull();
    for (const { reasons } of candidates) expect(reasons[0]).toMatch(/^Lacks \d+ bytes/);
  });
});
