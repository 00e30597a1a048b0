import { describe, expect, it } from 'vitest';
import { plan } from '../../src/routing/plan.ts';
import type { VariantFacts } from '../../src/routing/weights.ts';
import { GIB, gpu, referenceVariants, request, snapshot, withRuntime } from './facts.ts';

const MIB = 2 ** 20;
const MIXTRAL_2023 = referenceVariants('mixtral-8x7b', '2023');

describe('Mixtral of December 2023 on a V100 of 16160 MiB', () => {
  const machine = snapshot([gpu(16160 * MIB, { name: 'Tesla V100-SXM2-16GB' })], MIXTRAL_2023);
  const pinned = (quantization: string, from = machine) => plan({ ...request, quantization }, from).chosen!;

  it.each([
    ['Q2_K', 29],
    ['Q4_K_M', 19],
  ])('gets %s at least %i of 33 layers, and the margin is named', (quantization, layers) => {
    const chosen = pinned(quantization);
    expect(chosen.totalLayers).toBe(33);
    expect(chosen.gpuLayers).toBeGreaterThanOrEqual(layers);
    expect(chosen.memory.deviceTotalBytes).toBeLessThanOrEqual(16160 * MIB - GIB);
    expect(chosen.reasons[0]).toMatch(
      new RegExp(`^${chosen.gpuLayers} of 33 layers .* 1\\.00 GiB kept as margin\\.$`),
    );
  });

  it('gets Q4_K_M 20 layers without a margin', () => {
    expect(pinned('Q4_K_M', { ...machine, margins: { deviceBytes: 0, hostBytes: GIB } }).gpuLayers).toBe(20);
  });
});

describe('experts on the host', () => {
  it('are faster for Mixtral on a card of 12 GiB than whole layers there', () => {
    const machine = snapshot([gpu(12 * GIB)], MIXTRAL_2023);
    const asked = { ...request, quantization: 'Q4_K_M' };
    const layers = plan(asked, machine).chosen!;
    const experts = plan(asked, withRuntime(machine, { cpuExperts: true })).chosen!;
    expect(layers).toMatchObject({ cpuExpertLayers: 0 });
    expect(experts).toMatchObject({ gpuLayers: 33 });
    expect(experts.cpuExpertLayers).toBeGreaterThan(0);
    expect(experts.decodeTokensPerSecond).toBeGreaterThan(layers.decodeTokensPerSecond!);
    expect(experts.reasons).toContain(
      `The experts of ${experts.cpuExpertLayers} layers stay in host memory.`,
    );
  });

  it('are not offered for a model that has none', () => {
    const machine = snapshot([gpu(4 * GIB)], referenceVariants('mistral-7b'));
    const { candidates } = plan(request, withRuntime(machine, { cpuExperts: true }));
    expect(candidates.length).toBeGreaterThan(0);
    for (const { cpuExpertLayers } of candidates) expect(cpuExpertLayers).toBe(0);
  });
});

describe('a browser', () => {
  const mlc = (from: VariantFacts): VariantFacts => ({
    ...from,
    id: `${from.id}-mlc`,
    format: 'MLC',
    quantization: `${from.quantization}-MLC`,
  });
  const gguf = referenceVariants('mistral-7b').filter(({ quantization }) =>
    ['Q2_K', 'Q4_K_M'].includes(quantization),
  );
  const variants = [...gguf, ...gguf.map(mlc)];
  const browser = (bytes: number, formats: readonly ('GGUF' | 'MLC')[]) =>
    withRuntime(
      snapshot([gpu(bytes, { id: 'browser', backendId: 'browser', kind: 'WEBGPU' })], variants),
      { formats, partialOffload: false },
      'browser',
    );

  it('chooses among the formats it can run', () => {
    const ids = (formats: readonly ('GGUF' | 'MLC')[]) =>
      plan(request, browser(24 * GIB, formats)).candidates.map(({ variantId }) => variantId);
    expect(ids(['MLC']).toSorted()).toEqual(gguf.map((each) => mlc(each).id).toSorted());
    expect(ids(['GGUF', 'MLC']).toSorted()).toEqual(variants.map(({ id }) => id).toSorted());
    expect(plan(request, browser(24 * GIB, ['GGUF', 'MLC'])).chosen!.quantization).toMatch(/^Q4_K_M/);
  });

  it('has everything on the device or does not fit', () => {
    let [fitting, lacking] = [0, 0];
    for (let bytes = GIB; bytes <= 12 * GIB; bytes += 512 * MIB)
      for (const each of plan(request, browser(bytes, ['GGUF', 'MLC'])).candidates) {
        expect(each.gpuLayers).toBe(each.totalLayers);
        expect(each.shortfalls.every(({ deviceId }) => deviceId === 'browser')).toBe(true);
        if (each.fits) fitting++;
        else lacking++;
      }
    expect(Math.min(fitting, lacking)).toBeGreaterThan(0);
  });
});

describe('several devices', () => {
  const two = (one: number, other: number) =>
    withRuntime(
      snapshot(
        [gpu(one * GIB, { id: 'a' }), gpu(other * GIB, { id: 'b' })],
        referenceVariants('llama-2-70b'),
      ),
      { multiDevice: true },
    );

  it('hold together what none of them holds alone', () => {
    const asked = { ...request, quantization: 'Q4_K_M' };
    const chosen = plan(asked, two(24, 24)).chosen!;
    expect(chosen).toMatchObject({ deviceId: 'a+b', gpuLayers: 81, totalLayers: 81 });
    expect(plan(asked, two(24, 0)).chosen!.gpuLayers).toBeLessThan(81);
  });

  it.each([
    [24, 24],
    [48, 16],
    [8, 8],
  ])('of %i and %i GiB: the shares are the whole', (one, other) => {
    const found = plan(request, two(one, other)).candidates.filter(({ deviceId }) => deviceId === 'a+b');
    expect(found.length).toBe(referenceVariants('llama-2-70b').length);
    for (const { shares, gpuLayers, memory } of found) {
      expect(shares.map(({ deviceId }) => deviceId)).toEqual(['a', 'b']);
      expect(shares.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(memory.deviceTotalBytes);
      expect(shares.reduce((sum, { layers }) => sum + layers, 0)).toBe(gpuLayers);
      if (one === other && gpuLayers > 1)
        expect(Math.min(...shares.map(({ layers }) => layers))).toBeGreaterThanOrEqual(1);
    }
  });
});
