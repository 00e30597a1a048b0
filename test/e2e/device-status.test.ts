import { afterEach, beforeEach, expect, it } from 'vitest';
import { DEMO, startGateway, UNICORN, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startGateway(['--slots', '1']);
});
afterEach(() => gateway.stop());

interface Device {
  readonly id: string;
  readonly memoryFreeBytes: number;
  readonly resident: readonly { id: string; busySlots: number; variant: { quantization: string } }[];
}

it('tells of devices at once, of what becomes resident, and of what goes', async () => {
  const client = gateway.client();
  const seen: Device[][] = [];
  const until = async (isTrue: (devices: readonly Device[]) => boolean): Promise<void> => {
    while (!seen.some(isTrue)) await new Promise((resolve) => setTimeout(resolve, 20));
    seen.length = 0;
  };
  const failed: unknown[] = [];
  const stop = client.subscribe<{ deviceStatus: Device[] }>(
    {
      query:
        'subscription { deviceStatus { id memoryFreeBytes resident { id busySlots variant { quantization } } } }',
    },
    {
      next: ({ data }) => void seen.push(data!.deviceStatus),
      error: (error) => void failed.push(error),
      complete: () => undefined,
    },
  );
  await until((devices) => devices.length > 0 && devices.every(({ resident }) => resident.length === 0));
  const { data } = await gateway.query<{ loadModel: { id: string } }>(
    `mutation { loadModel(model: "${DEMO}", quantization: "Q4_K_M") { id } }`,
  );
  await until((devices) =>
    devices.some(({ resident }) => resident.some(({ variant }) => variant.quantization === 'Q4_K_M')),
  );
  await gateway.query('mutation ($id: ID!) { unloadModel(id: $id) }', data.loadModel);
  await until((devices) => devices.every(({ resident }) => resident.length === 0));
  stop();
  expect(failed).toEqual([]);
  await client.dispose();
});

const ENDLESS = { jsonSchema: { type: 'array', minItems: 500, items: { type: 'integer' } } };
const prompt = { messages: [{ role: 'USER', content: UNICORN }] };

interface Waiting {
  readonly position: number;
  readonly wantsSlot: boolean;
  readonly variant: { readonly id: string };
  readonly generation: { readonly id: string } | null;
}
const waiting = async (): Promise<Waiting[]> => {
  const { data } = await gateway.query<{ devices: { waiting: Waiting[] }[] }>(
    '{ devices { waiting { position wantsSlot variant { id } generation { id } } } }',
  );
  return data.devices.flatMap((device) => device.waiting);
};

it('tells who waits, but not which lane of a blind comparison', async () => {
  const input = { model: DEMO, quantization: 'Q2_K', prompt, onDisconnect: 'CONTINUE', ...ENDLESS };
  const start = 'mutation ($input: GenerateInput!) { startGeneration(input: $input) { id } }';
  const started: string[] = [];
  for (let count = 0; count < 4; count += 1) {
    const { data } = await gateway.query<{ startGeneration: { id: string } }>(start, { input });
    started.push(data.startGeneration.id);
  }
  const lane = { model: DEMO, quantization: 'Q2_K' };
  await gateway.query('mutation ($input: CompareInput!) { startComparison(input: $input) { id } }', {
    input: { prompt, lanes: [lane, lane], blind: true, onDisconnect: 'CONTINUE' },
  });
  let queue: readonly Waiting[] = [];
  while (!queue.some(({ generation }) => generation === null)) queue = await waiting();
  expect(queue.map(({ position }) => position)).toEqual(queue.map((_, index) => index));
  expect(queue.every(({ wantsSlot, variant }) => wantsSlot && variant.id === `${DEMO}:Q2_K`)).toBe(true);
  const told = queue.flatMap(({ generation }) => generation?.id ?? []);
  expect(told).toEqual(started.slice(started.length - told.length));
});

it('pins a resident, lets it go again, and says when there is none', async () => {
  const pin = (id: string, pinned?: boolean) =>
    gateway.query<{ pinModel: { isPinned: boolean } }>(
      'mutation ($id: ID!, $pinned: Boolean) { pinModel(id: $id, pinned: $pinned) { isPinned } }',
      { id, pinned },
    );
  const { data } = await gateway.query<{ loadModel: { id: string } }>(
    `mutation { loadModel(model: "${DEMO}", quantization: "Q2_K") { id } }`,
  );
  const { id } = data.loadModel;
  expect((await pin(id)).data).toEqual({ pinModel: { isPinned: true } });
  expect((await pin(id, false)).data).toEqual({ pinModel: { isPinned: false } });
  expect((await pin('nothing')).errors?.[0]?.extensions.code).toBe('NOT_FOUND');
});
