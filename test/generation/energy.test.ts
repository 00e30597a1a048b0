import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DeviceEnergy } from '../../src/generation/comparison/energy.ts';
import {
  integrate,
  NvidiaEnergy,
  parsePower,
  readingsOf,
} from '../../src/generation/comparison/nvidia-energy.ts';
import { RaplEnergy } from '../../src/generation/comparison/rapl-energy.ts';
import type { Plan } from '../../src/routing/plan.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const planOn = (deviceKind: Plan['deviceKind'], gpuLayers = 33): Plan =>
  ({
    deviceKind,
    gpuLayers,
    totalLayers: 33,
    cpuExpertLayers: 0,
    deviceName: 'NVIDIA H100',
    shares: [{ deviceId: 'llama-cpp:gpu', layers: 33, bytes: 1 }],
  }) as unknown as Plan;

/** An nvidia-smi that prints a line every few milliseconds. */
function fakeNvidiaSmi(name: string, line: string): string {
  const file = path.join(folder(), name);
  writeFileSync(
    file,
    `#!/bin/sh\necho "$@" > ${file}.args\nwhile true; do echo '${line}'; sleep 0.01; done\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

function fakeZone(root: string, zone: string, files: Record<string, string>): void {
  mkdirSync(path.join(root, zone), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, zone, name), `${text}\n`);
}

describe('nvidia-smi', () => {
  it.each([
    ['0, NVIDIA H100 80GB HBM3, 71.55', { index: 0, name: 'NVIDIA H100 80GB HBM3', watts: 71.55 }],
    ['1, Tesla, really, 30', { index: 1, name: 'Tesla,really', watts: 30 }],
    ['0, GeForce GT 710, [N/A]', null],
    ['No devices were found', null],
    ['', null],
    ['0, 71.55', null],
  ])('reads %j', (line, reading) => {
    expect(parsePower(line)).toEqual(reading);
  });

  it('integrates power over time', () => {
    const samples = [
      { at: 1000, watts: 100 },
      { at: 2000, watts: 200 },
    ];
    expect(integrate(samples, 500, 3000)).toBe(50 + 150 + 200);
    expect(integrate(samples.slice(1), 500, 3000)).toBeNull();
    expect(integrate(samples, 1500, 3000)).toBeNull();
  });

  it('knows which of several GPUs is meant, or says that it does not', () => {
    const readings = ['0, V100, 1', '1, H100, 2'].map((line) => parsePower(line)!);
    const plan = (deviceId: string, deviceName: string) => ({
      shares: [{ deviceId, layers: 1, bytes: 1 }],
      deviceName,
    });
    expect(readingsOf(plan('llama-cpp:gpu1', 'H100'), readings)).toEqual([readings[1]]);
    expect(readingsOf(plan('llama-cpp:gpu0', 'H100'), readings)).toEqual([]);
    expect(readingsOf(plan('llama-cpp:gpu', '2 × H100'), readings)).toEqual([]);
    expect(readingsOf(plan('llama-cpp:gpu', 'other name'), readings.slice(1))).toEqual([readings[1]]);
  });

  it('is asked while a lane decodes', async () => {
    const command = fakeNvidiaSmi('nvidia-smi', '0, NVIDIA H100, 250.00');
    let at = 0;
    const span = new NvidiaEnergy({ command, now: () => (at += 100) }).begin(planOn('CUDA'))!;
    await wait(300);
    const joules = await span.end();
    expect(joules).not.toBeNull();
    expect(joules! % 25).toBeCloseTo(0, 6);
  });

  it('is the one on PATH, asked for index, name and power', async () => {
    const file = fakeNvidiaSmi('nvidia-smi', '0, NVIDIA H100, 100.00');
    const before = process.env['PATH'];
    process.env['PATH'] = `${folder()}:${before}`;
    try {
      const span = new NvidiaEnergy().begin(planOn('CUDA'))!;
      await wait(300);
      const joules = await span.end();
      expect(joules).toBeGreaterThan(20);
      expect(joules).toBeLessThan(200);
    } finally {
      process.env['PATH'] = before;
    }
    const query = '--query-gpu=index,name,power.draw --format=csv,noheader,nounits -lms 100';
    expect(readFileSync(`${file}.args`, 'utf8').trim()).toBe(query);
  });

  it('tells nothing where it is missing or does not know', async () => {
    const missing = new NvidiaEnergy({ command: path.join(folder(), 'nobody') });
    expect(await missing.begin(planOn('CUDA'))!.end()).toBeNull();
    expect(missing.begin(planOn('CUDA'))).toBeNull();
    const unknowing = new NvidiaEnergy({ command: fakeNvidiaSmi('unknowing', '0, GeForce, [N/A]') });
    const span = unknowing.begin(planOn('CUDA'))!;
    await wait(100);
    expect(await span.end()).toBeNull();
  });
});

describe('RAPL', () => {
  const range = { max_energy_range_uj: '1000000' };
  const clock = () => {
    let at = 0;
    return () => (at += 1000);
  };

  it('sums packages, and sees a counter start anew', async () => {
    const root = path.join(folder(), 'rapl');
    fakeZone(root, 'intel-rapl:0', { name: 'package-0', energy_uj: '900000', ...range });
    fakeZone(root, 'intel-rapl:1', { name: 'package-1', energy_uj: '5', ...range });
    fakeZone(root, 'intel-rapl:0:0', { name: 'core', energy_uj: '1', ...range });
    fakeZone(root, 'intel-rapl:2', { name: 'psys', energy_uj: '1', ...range });
    const span = new RaplEnergy({ folder: root, now: clock() }).begin()!;
    fakeZone(root, 'intel-rapl:0', { energy_uj: '100000' });
    fakeZone(root, 'intel-rapl:1', { energy_uj: '300005' });
    fakeZone(root, 'intel-rapl:0:0', { energy_uj: '999' });
    expect(await span.end()).toBeCloseTo(0.5, 9);
  });

  it('tells nothing where there is none, or it may not be read', async () => {
    expect(new RaplEnergy({ folder: path.join(folder(), 'nowhere') }).begin()).toBeNull();
    const root = path.join(folder(), 'unreadable');
    fakeZone(root, 'intel-rapl:0', { name: 'package-0', ...range });
    expect(new RaplEnergy({ folder: root }).begin()).toBeNull();
    fakeZone(root, 'intel-rapl:0', { energy_uj: 'what?' });
    expect(new RaplEnergy({ folder: root }).begin()).toBeNull();
  });

  it('tells nothing of too short a time', async () => {
    const root = path.join(folder(), 'short');
    fakeZone(root, 'intel-rapl:0', { name: 'package-0', energy_uj: '1', ...range });
    expect(await new RaplEnergy({ folder: root, now: () => 5 }).begin()!.end()).toBeNull();
  });
});

describe('the energy of a device', () => {
  const meter = (joules: number | null) => ({ begin: () => ({ end: async () => joules }) });

  it('is of what a plan uses, and unknown as soon as a part is', async () => {
    const of = (nvidia: number | null, cpu: number | null, plan: Plan) =>
      new DeviceEnergy({ nvidia: meter(nvidia), cpu: meter(cpu) }).begin(plan)?.end() ?? null;
    expect(await of(5, 7, planOn('CPU', 0))).toBe(7);
    expect(await of(5, 7, planOn('CUDA'))).toBe(5);
    expect(await of(5, 7, planOn('CUDA', 20))).toBe(12);
    expect(await of(5, null, planOn('CUDA', 20))).toBeNull();
    expect(await of(5, 7, planOn('WEBGPU'))).toBeNull();
  });
});
