import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SPEED_FLOOR } from '../../src/routing/candidate.ts';
import type { DeviceFacts } from '../../src/routing/device.ts';
import { plan, type Plan } from '../../src/routing/plan.ts';
import type { PlanRequest, PlanSnapshot } from '../../src/routing/plan-request.ts';
import { qualityRank } from '../../src/routing/quality.ts';
import { gpu, referenceVariants, request, snapshot, withRuntime } from './facts.ts';

const MIB = 2 ** 20;

/** Any machine with any request: what every property holds for. */
interface Situation {
  readonly request: PlanRequest;
  readonly snapshot: PlanSnapshot;
}

const modelId = fc.constantFrom('mixtral-8x7b', 'mistral-7b', 'llama-2-70b' as const);
const memory = fc.integer({ min: 0, max: 96 * 1024 }).map((mib) => mib * MIB);
const bandwidth = fc.constantFrom(300e9, 900e9, 2000e9, null);
const contextSize = fc.integer({ min: 256, max: 32768 });
const kvCacheType = fc.constantFrom('F16', 'Q8_0', 'Q4_0', null);
const objective = fc.constantFrom('QUALITY', 'BALANCED', 'SPEED' as const);

const devices = fc
  .array(fc.record({ bytes: memory, memoryBandwidth: bandwidth }), { minLength: 1, maxLength: 2 })
  .map((all) =>
    all.map(({ bytes, memoryBandwidth }, index) => gpu(bytes, { id: `gpu-${index}`, memoryBandwidth })),
  );

const requests: fc.Arbitrary<PlanRequest> = fc
  .record({ contextSize, kvCacheType, objective, slots: fc.integer({ min: 1, max: 4 }), more: fc.nat(4) })
  .map(({ more, ...change }) => ({ ...request, ...change, slotsWanted: change.slots + more }));

/** Of all machines, or of those whose GPUs cannot work together. */
const situations = (multiDevice: fc.Arbitrary<boolean>): fc.Arbitrary<Situation> =>
  fc
    .record({ modelId, devices, host: memory, request: requests, cpuExperts: fc.boolean(), multiDevice })
    .map(({ modelId, devices, host, request, ...runtime }) => {
      const machine = snapshot(devices, referenceVariants(modelId));
      const memoryOf = { ...machine.host, memoryFreeBytes: host };
      return { request, snapshot: { ...withRuntime(machine, runtime), host: memoryOf } };
    });

const any = situations(fc.boolean());

describe('any plan', () => {
  it('stays within the budget of every device and of the host', () => {
    fc.assert(
      fc.property(any, ({ request, snapshot }) => {
        const free = new Map(snapshot.devices.map(({ id, memoryFreeBytes }) => [id, memoryFreeBytes]));
        for (const { fits, shares, memory } of plan(request, snapshot).candidates) {
          const isWithin =
            shares.every(
              ({ deviceId, bytes }) => bytes <= free.get(deviceId)! - snapshot.margins.deviceBytes,
            ) && memory.hostTotalBytes <= snapshot.host.memoryFreeBytes - snapshot.margins.hostBytes;
          expect(isWithin).toBe(fits);
        }
      }),
    );
  });

  it('has what was asked for', () => {
    fc.assert(
      fc.property(any, ({ request, snapshot }) => {
        for (const found of plan(request, snapshot).candidates) {
          expect(found.contextSize).toBe(request.contextSize);
          expect(found.slots).toBeGreaterThanOrEqual(request.slots);
          expect(found.slots).toBeLessThanOrEqual(request.slotsWanted);
          if (request.kvCacheType !== null) expect(found.kvCacheType).toBe(request.kvCacheType);
        }
      }),
    );
  });

  it('is the same for the same input, in whatever order it comes', () => {
    fc.assert(
      fc.property(any, fc.infiniteStream(fc.nat()), ({ request, snapshot }, keys) => {
        const shuffled = <Item>(items: readonly Item[]): Item[] =>
          items
            .map((item) => ({ item, key: Number(keys.next().value) }))
            .toSorted((a, b) => a.key - b.key)
            .map(({ item }) => item);
        const { variants, devices } = snapshot;
        const other = { ...snapshot, variants: shuffled(variants), devices: shuffled(devices) };
        expect(plan(request, other)).toEqual(plan(request, snapshot));
      }),
    );
  });

  it('does not change when variants go that were not chosen', () => {
    fc.assert(
      fc.property(any, fc.infiniteStream(fc.boolean()), ({ request, snapshot }, keeps) => {
        const { chosen } = plan(request, snapshot);
        fc.pre(chosen !== null);
        const variants = snapshot.variants.filter(
          ({ id }) => id === chosen.variantId || keeps.next().value === true,
        );
        expect(withoutReasons(plan(request, { ...snapshot, variants }).chosen!)).toEqual(
          withoutReasons(chosen),
        );
      }),
    );
  });

  it('does not change when a device goes that it does not use, where devices work alone', () => {
    fc.assert(
      fc.property(situations(fc.constant(false)), ({ request, snapshot }) => {
        const { chosen } = plan(request, snapshot);
        fc.pre(chosen !== null);
        const devices = snapshot.devices.filter(({ id }) => id === chosen.deviceId);
        expect(withoutReasons(plan(request, { ...snapshot, devices }).chosen!)).toEqual(
          withoutReasons(chosen),
        );
      }),
    );
  });

  it('is never worse with more memory on a device, where devices work alone', () => {
    fc.assert(
      fc.property(
        situations(fc.constant(false)),
        fc.integer({ min: 1, max: 32 * 1024 }),
        (situation, mib) => {
          const less = plan(situation.request, situation.snapshot).chosen;
          const [first, ...rest] = situation.snapshot.devices;
          const more = plan(situation.request, {
            ...situation.snapshot,
            devices: [withMore(first!, mib * MIB), ...rest],
          }).chosen;
          fc.pre(less !== null);
          expect(more).not.toBeNull();
          expect(compareRanks(rank(more!, situation), rank(less, situation))).toBeLessThanOrEqual(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives no more layers of a quantization to a longer context', () => {
    const quantization = fc.constantFrom('Q2_K', 'Q4_K_M', 'Q8_0');
    fc.assert(
      fc.property(
        any,
        quantization,
        contextSize,
        contextSize,
        ({ request, snapshot }, quantization, a, b) => {
          const kvCacheType = request.kvCacheType ?? 'F16';
          const layers = (contextSize: number) => {
            const asked = { ...request, quantization, contextSize, kvCacheType, slotsWanted: request.slots };
            const { candidates } = plan(asked, withRuntime(snapshot, { cpuExperts: false }));
            return new Map(candidates.map((each) => [each.deviceId, each.fits ? each.gpuLayers : 0]));
          };
          const [shorter, longer] = [layers(Math.min(a, b)), layers(Math.max(a, b))];
          for (const [deviceId, count] of longer) expect(count).toBeLessThanOrEqual(shorter.get(deviceId)!);
        },
      ),
    );
  });
});

const withoutReasons = ({ reasons: _, ...rest }: Plan): Omit<Plan, 'reasons'> => rest;

const withMore = (device: DeviceFacts, bytes: number): DeviceFacts => ({
  ...device,
  memoryFreeBytes: device.memoryFreeBytes + bytes,
  memoryTotalBytes: device.memoryTotalBytes + bytes,
});

/** A plan's place in the planner's order, smaller is better: KV type, whether it is fast enough, then quality. */
function rank(chosen: Plan, { request, snapshot }: Situation): readonly number[] {
  const { kvCacheType, decodeTokensPerSecond: speed, gpuLayers, totalLayers, cpuExpertLayers } = chosen;
  const isOnDevice = gpuLayers >= totalLayers && cpuExpertLayers === 0;
  const isFastEnough = speed === null ? isOnDevice : speed >= SPEED_FLOOR[request.objective];
  const variant = snapshot.variants.find(({ id }) => id === chosen.variantId)!;
  const kvType = ['F16', 'Q8_0', 'Q4_0'].indexOf(kvCacheType);
  return isFastEnough ? [kvType, 0, qualityRank(variant)] : [kvType, 1, speed === null ? 0 : -speed];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  return a.map((value, index) => value - b[index]!).find((difference) => difference !== 0) ?? 0;
}
