import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { supervise } from '../../src/backends/supervise.ts';
import { MixgateError, outgrown } from '../../src/errors.ts';
import { loadModel } from '../../src/generation/load-model.ts';
import { Machine } from '../../src/generation/machine.ts';
import { NOBODY } from '../../src/generation/observer.ts';
import { Planner } from '../../src/generation/planner.ts';
import { loadRequestSchema, parseRequest } from '../../src/generation/request.ts';
import { ResidencyLoop } from '../../src/generation/residency-loop.ts';
import { Catalog } from '../../src/models/catalog.ts';
import { LOOP_CRASHES } from '../../src/routing/crash-loops.ts';
import { FakeBackend } from '../support/fake-backend.ts';
import { DEMO } from '../support/gateway.ts';
import { recordingLog } from '../support/recording-log.ts';

const { log } = recordingLog();
const catalog = new Catalog({ directories: [path.resolve(import.meta.dirname, '../../models/demo')], log });
beforeAll(() => catalog.scan());

/** Loads fail with it, until it is taken away. */
class Failing extends FakeBackend {
  failure: MixgateError | null = null;

  override load(...args: Parameters<FakeBackend['load']>) {
    return this.failure === null ? super.load(...args) : Promise.reject(this.failure);
  }
}

function gatewayOn(backend: Failing) {
  const backends = [supervise(backend)];
  const machine = new Machine({ backends, margins: { deviceBytes: 0, hostBytes: 0 }, log, now: Date.now });
  const residency = new ResidencyLoop({
    hostToleranceBytes: null,
    ...{ backends, log, now: Date.now, observer: NOBODY },
    weightsOf: (id) => ({ path: catalog.variant(id).path, chatTemplate: null }),
    onMemoryChange: () => machine.invalidate(),
    mostHeld: Infinity,
  });
  const planner = new Planner({ catalog, machine, occupants: () => residency.occupants() });
  const load = (quantization: string) =>
    loadModel(parseRequest(loadRequestSchema, { model: DEMO, contextSize: 256, quantization }), 'test', {
      ...{ planner, machine, residency, observer: NOBODY },
    });
  return { load, residency };
}

const SHORT = new MixgateError('OUT_OF_MEMORY', 'Needs more than there is.', {
  neededBytes: 2 ** 24,
  freeBytes: 1,
});

describe('a load that fails for memory', () => {
  it('leaves less to plan with where the device had none', async () => {
    const backend = new Failing();
    const { load } = gatewayOn(backend);
    backend.failure = SHORT;
    await expect(load('Q4_K_M')).rejects.toThrow(SHORT.message);
    backend.failure = null;
    await expect(load('F16')).rejects.toMatchObject({ code: 'NO_PLAN_FITS' });
  });

  it('says nothing of the device where the runtime outgrew its plan: no smaller plan is tried, others are not affected', async () => {
    const backend = new Failing();
    const { load, residency } = gatewayOn(backend);
    backend.failure = outgrown(2 ** 24, 2 ** 23);
    for (let count = 0; count < LOOP_CRASHES; count++)
      await expect(load('Q4_K_M')).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', retryable: true });
    backend.failure = null;
    expect(await load('F16')).toMatchObject({ plan: { quantization: 'F16' } });
    // Which it does again and again: a crash as any other.
    await expect(load('Q4_K_M')).rejects.toMatchObject({ code: 'BACKEND_CRASHED' });
    expect(residency.crashLoops()).toMatchObject([{ crashes: LOOP_CRASHES }]);
  });
});
