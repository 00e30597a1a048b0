import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan, type Plan } from '../../src/routing/plan.ts';
import type { PlanRequest, PlanSnapshot } from '../../src/routing/plan-request.ts';
import { gpu, referenceVariants, request, snapshot, withRuntime } from './facts.ts';

const MIB = 2 ** 20;

const rejected = (request: PlanRequest, snapshot: PlanSnapshot): Plan[] =>
  plan(request, snapshot).candidates.filter(({ fits }) => !fits);

/** The same machine with what a plan lacks, where it lacks it. */
function given(snapshot: PlanSnapshot, { shortfalls }: Plan): PlanSnapshot {
  const more = (id: string | null) =>
    shortfalls
      .filter(({ deviceId }) => deviceId === id)
      .reduce((sum, { missingBytes }) => sum + missingBytes, 0);
  return {
    ...snapshot,
    devices: snapshot.devices.map((device) => ({
      ...device,
      memoryFreeBytes: device.memoryFreeBytes + more(device.id),
    })),
    host: { ...snapshot.host, memoryFreeBytes: snapshot.host.memoryFreeBytes + more(null) },
  };
}

const memory = fc.integer({ min: 0, max: 48 * 1024 }).map((mib) => mib * MIB);
const machines = fc
  .record({
    modelId: fc.constantFrom('mixtral-8x7b', 'mistral-7b', 'llama-2-70b' as const),
    gpuBytes: memory,
    cpuBytes: memory,
    hostBytes: memory,
    cpuExperts: fc.boolean(),
    partialOffload: fc.boolean(),
  })
  .map(({ modelId, gpuBytes, cpuBytes, hostBytes, ...runtime }) => {
    const devices = [gpu(gpuBytes), gpu(cpuBytes, { id: 'cpu', kind: 'CPU' })];
    const machine = withRuntime(snapshot(devices, referenceVariants(modelId)), runtime);
    return { ...machine, host: { ...machine.host, memoryFreeBytes: hostBytes } };
  });
const requests = fc
  .record({
    contextSize: fc.integer({ min: 256, max: 32768 }),
    kvCacheType: fc.constantFrom('F16', 'Q8_0', 'Q4_0' as const),
    gpuLayers: fc.constantFrom(null, 0, 1, 20, 33),
    slots: fc.integer({ min: 1, max: 4 }),
  })
  .map((change) => ({ ...request, ...change, slotsWanted: change.slots }));

describe('a plan that does not fit', () => {
  it('says in bytes what it lacks, and where', () => {
    fc.assert(
      fc.property(machines, requests, (machine, asked) => {
        for (const { shortfalls, deviceId } of rejected(asked, machine)) {
          expect(shortfalls.length).toBeGreaterThan(0);
          for (const shortfall of shortfalls) {
            const { neededBytes, availableBytes, missingBytes } = shortfall;
            expect(missingBytes).toBeGreaterThan(0);
            expect(neededBytes - availableBytes).toBe(missingBytes);
            expect([deviceId, null]).toContain(shortfall.deviceId);
          }
        }
      }),
    );
  });

  it('fits once it has what it lacks', () => {
    fc.assert(
      fc.property(machines, requests, (machine, asked) => {
        for (const lacking of rejected(asked, machine)) {
          const { quantization, deviceId } = lacking;
          const { chosen } = plan({ ...asked, quantization, deviceId }, given(machine, lacking));
          expect(chosen, JSON.stringify(lacking)).not.toBeNull();
        }
      }),
      { numRuns: 200 },
    );
  });

  it('fits with what its last sentence names', () => {
    fc.assert(
      fc.property(machines, requests, (machine, asked) => {
        for (const { reasons, quantization, deviceId } of rejected(asked, machine)) {
          const remedy = reasons.at(-1)!;
          expect(remedy).toMatch(/^Would fit with .+\.$/);
          const contextSize = /a context of (\d+)/.exec(remedy)?.[1];
          const other = /or (\w+), which does|with (\w+), which does/.exec(remedy);
          const fits = (change: Partial<PlanRequest>) =>
            plan({ ...asked, quantization, deviceId, ...change }, machine).chosen !== null;
          if (contextSize !== undefined) expect(fits({ contextSize: Number(contextSize) })).toBe(true);
          if (other !== null) expect(fits({ quantization: other[1] ?? other[2]! })).toBe(true);
        }
      }),
    );
  });

  it('says so for each device of several', () => {
    const devices = [gpu(4 * 1024 * MIB, { id: 'a' }), gpu(4 * 1024 * MIB, { id: 'b' })];
    const machine = withRuntime(snapshot(devices, referenceVariants('llama-2-70b')), { multiDevice: true });
    const asked = { ...request, quantization: 'Q8_0', gpuLayers: 81, deviceId: 'a+b' };
    const [lacking] = rejected(asked, machine);
    expect(lacking!.shortfalls.map(({ limit, deviceId }) => ({ limit, deviceId }))).toEqual([
      { limit: 'DEVICE_MEMORY', deviceId: 'a' },
      { limit: 'DEVICE_MEMORY', deviceId: 'b' },
    ]);
    expect(lacking!.reasons[0]).toMatch(/^Lacks \d+ bytes \(.*\) of device a memory/);
  });
});
