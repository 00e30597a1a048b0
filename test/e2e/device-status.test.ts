import { afterEach, beforeEach, expect, it } from 'vitest';
import { DEMO, startGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await startGateway();
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
