import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { SEES_ALL } from '../../src/access/ownership.ts';
import { supervise } from '../../src/backends/supervise.ts';
import { MixgateError } from '../../src/errors.ts';
import { aborted } from '../../src/generation/aborted.ts';
import type { Comparison } from '../../src/generation/comparison/comparison.ts';
import type { ComparisonEvent } from '../../src/generation/comparison/comparison-log.ts';
import { comparisonRequest } from '../../src/generation/comparison/comparison-request.ts';
import { Comparisons, type ComparisonsOptions } from '../../src/generation/comparison/comparisons.ts';
import { MemoryComparisonStore } from '../../src/generation/comparison/store.ts';
import { Generations } from '../../src/generation/generations.ts';
import { loadModel } from '../../src/generation/load-model.ts';
import { Machine } from '../../src/generation/machine.ts';
import { NOBODY } from '../../src/generation/observer.ts';
import { Planner } from '../../src/generation/planner.ts';
import { loadRequestSchema, parseRequest } from '../../src/generation/request.ts';
import { ResidencyLoop } from '../../src/generation/residency-loop.ts';
import { Catalog } from '../../src/models/catalog.ts';
import { Metrics } from '../../src/server/metrics.ts';
import { ANY_COMPARISON, ANY_GENERATION, archiveOff } from '../support/archive.ts';
import { FakeBackend } from '../support/fake-backend.ts';
import { DEMO } from '../support/gateway.ts';
import { NO_LIMITS } from '../support/no-limits.ts';
import { PredictingBackend, type Predict } from '../support/predicting-backend.ts';
import { recordingLog } from '../support/recording-log.ts';

const { log } = recordingLog();
const catalog = new Catalog({ directories: [path.resolve(import.meta.dirname, '../../models/demo')], log });
beforeAll(() => catalog.scan());

const MIB = 2 ** 20;
const KEEP = { count: 100, ms: 60_000, bytes: 2 ** 30 };
const ALL = { filter: ANY_COMPARISON, first: 10, after: null };
const nothing = () => undefined;
const cpu = (mib = 1000) => ({ name: 'cpu', kind: 'CPU', freeBytes: mib * MIB }) as const;
const gpu = (name: string, mib = 1000) => ({ name, kind: 'CUDA', freeBytes: mib * MIB }) as const;
const DEADLINE_MS = 10_000;

type Devices = ConstructorParameters<typeof FakeBackend>[0];

/** All of a gateway below its transports, on pretended devices. */
function gatewayOn(
  devices: Devices | FakeBackend,
  options: Partial<ComparisonsOptions> & { keep?: typeof KEEP } = {},
) {
  const fake = devices instanceof FakeBackend ? devices : new FakeBackend(devices);
  const backends = [supervise(fake)];
  const { observer = NOBODY } = options;
  const machine = new Machine({ backends, margins: { deviceBytes: 0, hostBytes: 0 }, log, now: Date.now });
  const residency = new ResidencyLoop({
    hostToleranceBytes: null,
    ...{ backends, log, now: Date.now, observer },
    weightsOf: (id) => ({ path: catalog.variant(id).path, chatTemplate: null }),
    onMemoryChange: () => machine.invalidate(),
    mostHeld: Infinity,
  });
  const planner = new Planner({ catalog, machine, occupants: () => residency.occupants() });
  const archive = archiveOff(catalog);
  const services = { planner, machine, residency, archive, observer, now: Date.now, disconnectGraceMs: 5 };
  const deadlines = { waitMs: DEADLINE_MS, runMs: DEADLINE_MS };
  const generations = new Generations({
    ...{ ...services, log, logPrompts: false, deadlines },
    ...{ slotsWanted: 4, ...NO_LIMITS, keepEnded: options.keep ?? KEEP },
  });
  const comparisons = new Comparisons({
    ...{ ...services, catalog, generations, log },
    store: new MemoryComparisonStore({ now: Date.now, keepEnded: options.keep ?? KEEP }),
    energy: { begin: () => null },
    ...options,
  });
  const start = (lanes: object[], more: object = {}) => {
    const places = lanes.map((lane) => ({ model: DEMO, contextSize: 256, ...lane }));
    const input = { prompt: { text: 'one two three' }, maxTokens: 5, lanes: places, ...more };
    return comparisons.start(
      comparisonRequest(input, () => null),
      'test',
    );
  };
  return { fake, services, comparisons, residency, generations, start };
}

async function readAll({ log: events }: Comparison): Promise<ComparisonEvent[]> {
  const all: ComparisonEvent[] = [];
  for await (const event of events.read(0, new AbortController().signal)) all.push(event);
  return all;
}

const on = (device: string, quantization = 'Q2_K') => ({ device: `fake:${device}`, quantization });
const states = ({ lanes }: Comparison) => lanes.map(({ generation }) => generation.state);

describe('the schedule', () => {
  it('is together where each lane has a device of its own', async () => {
    const comparison = await gatewayOn([cpu(), gpu('a')]).start([on('cpu'), on('a')]);
    expect(comparison.schedule.taken).toBe('TOGETHER');
    await readAll(comparison);
    expect(states(comparison)).toEqual(['COMPLETED', 'COMPLETED']);
  });

  it('is in turn where two lanes share a device, and says which', async () => {
    const comparison = await gatewayOn([cpu(), gpu('a')]).start([on('cpu'), on('a'), on('a', 'F16')]);
    expect(comparison.schedule).toMatchObject({
      taken: 'IN_TURN',
      reasons: [/Lanes 1 and 2 .*Fake a/, /skew/].map((pattern) => expect.stringMatching(pattern) as string),
    });
    const events = await readAll(comparison);
    const lanes = events.map(({ lane }) => lane ?? 3);
    expect(lanes).toEqual(lanes.toSorted((a, b) => a - b));
  });

  it('is in turn where a browser computes on a CPU, which may be the one that another lane uses', async () => {
    // The second CPU is a browser's: this machine has one.
    const devices = [cpu(), { name: 'tab', kind: 'CPU', freeBytes: 1000 * MIB } as const, gpu('a')];
    const { start } = gatewayOn(devices);
    const comparison = await start([on('cpu'), on('tab')]);
    expect(comparison.schedule).toMatchObject({
      taken: 'IN_TURN',
      reasons: [expect.stringContaining('a CPU: the browser'), expect.anything()],
    });
    expect((await start([on('tab'), on('a')])).schedule.taken).toBe('TOGETHER');
  });

  it('is in turn where the lanes do not fit at once, though each does alone', async () => {
    // The GPU's lane needs some of the host's memory, too.
    const metrics = new Metrics();
    const { start } = gatewayOn([cpu(14), gpu('a')], { observer: metrics });
    const comparison = await start([on('cpu', 'F16'), on('a', 'F16')]);
    expect(comparison.schedule.taken).toBe('IN_TURN');
    expect(comparison.schedule.reasons[0]).toMatch(/do not fit at once: fake:cpu lacks \d+ of \d+ bytes/);
    await readAll(comparison);
    expect(states(comparison)).toEqual(['COMPLETED', 'COMPLETED']);
    const counted = (await metrics.registry.metrics()).split('\n');
    for (const sample of [
      'mixgate_model_unloads_total{reason="EVICTED"} 1',
      'mixgate_model_unloads_total{reason="LOST"} 0',
      'mixgate_comparisons_ended_total{schedule="IN_TURN"} 1',
      'mixgate_plans_tried_total{quantization="F16",device="fake:a"} 1',
    ])
      expect(counted).toContain(sample);
  });

  it('is in turn where asked for', async () => {
    const comparison = await gatewayOn([cpu(), gpu('a')]).start([on('cpu'), on('a')], {
      schedule: 'IN_TURN',
    });
    expect(comparison.schedule).toEqual({ taken: 'IN_TURN', reasons: ['Asked for.'] });
    await readAll(comparison);
  });

  it('is refused where lanes are to run together and do not fit at once', async () => {
    const { start, generations } = gatewayOn([cpu(14)]);
    const refused = start([on('cpu', 'F16'), on('cpu', 'Q8_0')], { schedule: 'TOGETHER' });
    await expect(refused).rejects.toMatchObject({
      code: 'NO_PLAN_FITS',
      message: expect.stringContaining('Lane 1') as string,
    });
    expect((await generations.list({ filter: ANY_GENERATION, first: 10, after: null })).page).toEqual([]);
  });

  it('counts what is idle as free', async () => {
    const { start, residency, fake } = gatewayOn([cpu(14)]);
    await readAll(await start([on('cpu', 'F16'), on('cpu', 'Q8_0')]));
    expect(residency.residents()).toHaveLength(1);
    const comparison = await start([on('cpu', 'Q2_K'), on('cpu', 'Q4_K_M')], { schedule: 'TOGETHER' });
    await readAll(comparison);
    expect(states(comparison)).toEqual(['COMPLETED', 'COMPLETED']);
    expect(fake.calls).toContain('unload');
  });

  it('counts what is pinned as taken', async () => {
    const { start, services } = gatewayOn([cpu(14)]);
    const pinned = { model: DEMO, quantization: 'Q8_0', contextSize: 256, pinned: true };
    await loadModel(parseRequest(loadRequestSchema, pinned), 'test', services);
    const lanes = [on('cpu', 'Q2_K'), on('cpu', 'Q6_K')];
    await expect(start(lanes, { schedule: 'TOGETHER' })).rejects.toMatchObject({ code: 'NO_PLAN_FITS' });
  });

  it('puts lanes of one variant in one model with a slot for each', async () => {
    const { start, residency } = gatewayOn([cpu()]);
    const lanes = [on('cpu'), on('cpu', 'F16'), on('cpu'), { ...on('cpu'), contextSize: 512 }];
    await readAll(await start(lanes, { schedule: 'TOGETHER' }));
    const loaded = residency
      .residents()
      .map(({ plan: { quantization, slots, contextSize } }) => [quantization, slots, contextSize]);
    expect(loaded.toSorted()).toEqual([
      ['F16', 1, 256],
      ['Q2_K', 3, 512],
    ]);
  });

  it('leaves a lane that fits nowhere to fail by itself', async () => {
    const comparison = await gatewayOn([cpu(8), gpu('a')]).start([on('cpu', 'F16'), on('a')]);
    await readAll(comparison);
    expect(states(comparison)).toEqual(['FAILED', 'COMPLETED']);
    expect(comparison.lanes[0]!.generation.error!.code).toBe('NO_PLAN_FITS');
  });
});

describe('energy', () => {
  it('is told per token of a lane that decoded alone, and of no other', async () => {
    const energy = { begin: () => ({ end: async () => 8 }) };
    const { start } = gatewayOn([cpu(), gpu('a')], { energy });
    const turns = await start([on('cpu'), on('a')], { schedule: 'IN_TURN', maxTokens: 5 });
    await readAll(turns);
    // The first token came before the meter was read.
    expect([0, 1].map((lane) => turns.energyPerToken(lane))).toEqual([2, 2]);
    const together = await start([on('cpu'), on('a')], { schedule: 'TOGETHER', maxTokens: 50 });
    await readAll(together);
    expect(together.energyPerToken(1)).toBeNull();
  });
});

describe('ended comparisons', () => {
  it('are kept up to a number', async () => {
    const { start, comparisons } = gatewayOn([cpu()], { keep: { ...KEEP, count: 2 } });
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      const comparison = await start([on('cpu'), on('cpu', 'F16')]);
      await readAll(comparison);
      ids.push(comparison.id);
    }
    const { page } = await comparisons.list(ALL);
    expect(page.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    await expect(comparisons.get(ids[0]!, SEES_ALL)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('are kept up to a size, the newest whatever its own', async () => {
    const { start, comparisons } = gatewayOn([cpu()], { keep: { ...KEEP, bytes: 1 } });
    for (let count = 0; count < 2; count++) await readAll(await start([on('cpu'), on('cpu', 'F16')]));
    expect((await comparisons.list(ALL)).page).toHaveLength(1);
  });
});

describe('a comparison nobody follows any more', () => {
  it('is cancelled after a grace, unless it is to continue', async () => {
    const { start } = gatewayOn([cpu()]);
    // Endless enough: the fake says a word a turn, and the grace is 5 ms.
    const lanes = [on('cpu'), on('cpu', 'F16')].map((lane) => ({ ...lane, contextSize: 1024 }));
    const left = await start(lanes, { maxTokens: null, prompt: { text: 'endless' } });
    const reader = left.log.read(0, new AbortController().signal);
    await reader.next();
    await reader.return!();
    await Promise.all(left.lanes.map(({ generation }) => generation.ended));
    expect(states(left)).toEqual(['CANCELLED', 'CANCELLED']);
  });
});

describe('what was held likely where answers part', () => {
  const predicts = (fake: FakeBackend) => fake.calls.filter((call) => call.startsWith('predict'));
  const lanes = [on('cpu', 'F16'), on('cpu', 'Q8_0')];
  const never = new Promise<never>(nothing);

  it.each(['TOGETHER', 'IN_TURN'])('is asked of both models: %s', async (schedule) => {
    const fake = new PredictingBackend([cpu()]);
    const { start } = gatewayOn(fake);
    const comparison = await start([...lanes, on('cpu', 'Q2_K')], { schedule });
    await readAll(comparison);
    expect(comparison.candidates(0)).toBeNull();
    for (const lane of [1, 2]) {
      const { own, reference, ownToken, referenceToken } = comparison.candidates(lane)!;
      expect(ownToken).not.toBe(referenceToken);
      expect(own!.map(({ token }) => token)).toEqual([ownToken, referenceToken]);
      expect(reference!.map(({ token }) => token)).toEqual([referenceToken, ownToken]);
    }
    expect(predicts(fake)).toHaveLength(4);
  });

  it("is lane 0's no more where it was evicted, and nothing is loaded for it", async () => {
    const fake = new PredictingBackend([cpu(14)]);
    const { start, residency } = gatewayOn(fake);
    const comparison = await start([...lanes, on('cpu', 'Q6_K')]);
    await readAll(comparison);
    expect(states(comparison)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
    for (const lane of [1, 2]) {
      const { own, ownToken, reference } = comparison.candidates(lane)!;
      expect(own![0]).toMatchObject({ token: ownToken, probability: 0.6 });
      expect(reference).toBeNull();
    }
    expect(fake.calls.filter((call) => call.startsWith('load'))).toHaveLength(3);
    expect(residency.residents().map(({ plan }) => plan.quantization)).toEqual(['Q6_K']);
  });

  it('is nothing where answers do not part, and nobody is asked', async () => {
    const fake = new PredictingBackend([cpu()]);
    const comparison = await gatewayOn(fake).start([on('cpu'), on('cpu')]);
    await readAll(comparison);
    expect(comparison.divergence(1)).toMatchObject({ firstDifferentToken: null });
    expect(comparison.candidates(1)).toBeNull();
    expect(predicts(fake)).toEqual([]);
  });

  const failing: Predict = async function* () {
    yield* [];
    throw new MixgateError('BACKEND_CRASHED', 'Told to.');
  };
  const silent: Predict = async function* () {
    yield await never;
  };
  it.each([
    ['fails', failing],
    ['never answers', silent],
  ])('does not hold up a comparison when a runtime %s', async (_how, predict) => {
    for (const schedule of ['TOGETHER', 'IN_TURN']) {
      const fake = new PredictingBackend([cpu()]);
      fake.predict = predict;
      const logged = recordingLog();
      const { start } = gatewayOn(fake, { log: logged.log, candidatesMs: 20 });
      const comparison = await start(lanes, { schedule });
      await readAll(comparison);
      expect(states(comparison)).toEqual(['COMPLETED', 'COMPLETED']);
      expect(comparison.candidates(1)).toBeNull();
      expect(predicts(fake)).toHaveLength(2);
      const told = logged.events.filter(({ event }) => event === 'comparison.noCandidates');
      expect(told.map(({ fields }) => fields['code'])).toEqual(
        predict === failing ? ['BACKEND_CRASHED', 'BACKEND_CRASHED'] : [],
      );
    }
  });

  it('is given up when the comparison is cancelled', async () => {
    const fake = new PredictingBackend([cpu()]);
    const asked = new Promise<void>((resolve) => {
      fake.predict = async function* (_question, signal) {
        resolve();
        await aborted(signal);
        yield { type: 'end', reason: 'CANCELLED', candidates: [] };
      };
    });
    const { start, comparisons } = gatewayOn(fake, { candidatesMs: 1e6 });
    const comparison = await start(lanes);
    await asked;
    await comparisons.cancel(comparison.id, SEES_ALL);
    expect(comparison.finished).toBe(true);
    expect(comparison.candidates(1)).toBeNull();
  });

  it('costs no lane its energy', async () => {
    const energy = { begin: () => ({ end: async () => 8 }) };
    const { start } = gatewayOn(new PredictingBackend([cpu()]), { energy });
    const comparison = await start([...lanes, on('cpu', 'Q2_K')], { schedule: 'IN_TURN' });
    await readAll(comparison);
    expect([0, 1, 2].map((lane) => comparison.energyPerToken(lane))).toEqual([2, 2, 2]);
  });
});
