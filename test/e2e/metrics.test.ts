import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, DEMO, GENERATE, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startGateway(['--slots', '2', '--gpu', 'off']);
});
afterEach(() => gateway.stop());

/** Samples by name, each with its labels; lines that are neither sample nor comment are none. */
async function scrape(): Promise<Map<string, { labels: string; value: number }[]>> {
  const response = await fetch(new URL('/metrics', gateway.url));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const samples = new Map<string, { labels: string; value: number }[]>();
  for (const line of (await response.text())
    .split('\n')
    .filter((text) => text !== '' && !text.startsWith('#'))) {
    const [, name, labels = '', value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [line];
    expect(value, line).toBeDefined();
    samples.set(name!, [...(samples.get(name!) ?? []), { labels, value: Number(value) }]);
  }
  return samples;
}

const generate = (maxTokens: number) =>
  gateway.subscribe<'generate'>(GENERATE, {
    input: { model: DEMO, quantization: 'Q4_K_M', prompt: { text: UNICORN }, maxTokens },
  });

describe('/metrics', () => {
  it('has the process and the devices, and nothing of what is not there', async () => {
    const samples = await scrape();
    expect(samples.get('mixgate_process_resident_memory_bytes')![0]!.value).toBeGreaterThan(1e6);
    const [total] = samples.get('mixgate_device_memory_total_bytes')!;
    const [free] = samples.get('mixgate_device_memory_free_bytes')!;
    expect(total!.labels).toMatch(/device="llama-cpp:cpu",name=".+",kind="CPU"/);
    expect(free!.value).toBeGreaterThan(0);
    expect(free!.value).toBeLessThan(total!.value);
    expect(samples.get('mixgate_generations_running')).toEqual([{ labels: '', value: 0 }]);
    expect(samples.get('mixgate_generations_ended_total')!.map(({ value }) => value)).toEqual([0, 0, 0]);
    expect(samples.has('mixgate_resident_planned_bytes')).toBe(false);
    expect(samples.has('mixgate_model_load_seconds_count')).toBe(false);
  });

  it('counts generations and loads, and shows residents while they are there', async () => {
    await generate(3);
    await generate(3);
    const samples = await scrape();
    const of = (name: string) => samples.get(name)?.[0];
    const ended = samples.get('mixgate_generations_ended_total')!;
    expect(ended).toContainEqual({ labels: 'state="COMPLETED"', value: 2 });
    expect(ended).toContainEqual({ labels: 'state="FAILED"', value: 0 });
    const resident = `variant="${DEMO}:Q4_K_M",device="llama-cpp:cpu"`;
    expect(of('mixgate_resident_slots')!.labels).toContain(resident);
    expect(of('mixgate_resident_slots')!.value).toBe(2);
    expect(of('mixgate_resident_busy_slots')!.value).toBe(0);
    expect(of('mixgate_resident_planned_bytes')!.value).toBeGreaterThan(1e6);
    expect(of('mixgate_model_load_seconds_count')).toEqual({ labels: resident, value: 1 });
    // On a CPU nothing is measured: no sample, never 0.
    expect(samples.has('mixgate_resident_measured_bytes')).toBe(false);
    const planned = of('mixgate_resident_planned_bytes')!.value;
    const verified = of('mixgate_resident_verified_bytes')?.value;
    expect(of('mixgate_prediction_error_bytes')?.value).toBe(
      verified === undefined ? undefined : planned - verified,
    );

    const { data } = await gateway.query<{ devices: { resident: { id: string }[] }[] }>(
      '{ devices { resident { id } } }',
    );
    const id = data.devices[0]!.resident[0]!.id;
    await gateway.query('mutation ($id: ID!) { unloadModel(id: $id) }', { id });
    const after = await scrape();
    expect(after.has('mixgate_resident_planned_bytes')).toBe(false);
    expect(after.has('mixgate_prediction_error_bytes')).toBe(false);
    expect(after.get('mixgate_model_unloads_total')).toContainEqual({ labels: 'reason="ASKED"', value: 1 });
  });

  it('shows what runs, and counts what was cancelled and what was lost', async () => {
    const input = {
      model: DEMO,
      prompt: { text: 'a b c' },
      jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } },
    };
    let running: ReturnType<typeof scrape> | undefined;
    const client = gateway.client();
    await collect<'generate'>(client, GENERATE, { input }, ({ generate: event }) => {
      if (event.__typename !== 'TokenChunk' || running !== undefined) return;
      running = scrape().finally(
        () => void gateway.query(`mutation { cancelGeneration(id: "${event.generationId}") { state } }`),
      );
    });
    await client.dispose();
    const during = (await running)!;
    expect(during.get('mixgate_generations_running')).toEqual([{ labels: '', value: 1 }]);
    expect(during.get('mixgate_resident_busy_slots')![0]!.value).toBe(1);
    const after = await scrape();
    expect(after.get('mixgate_generations_ended_total')).toContainEqual({
      labels: 'state="CANCELLED"',
      value: 1,
    });
    expect(after.get('mixgate_generations_running')).toEqual([{ labels: '', value: 0 }]);

    for (const pid of await gateway.runners()) process.kill(pid, 'SIGKILL');
    await expect
      .poll(async () => (await scrape()).get('mixgate_model_unloads_total'))
      .toContainEqual({ labels: 'reason="LOST"', value: 1 });
  });
});
