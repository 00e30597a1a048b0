import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEMO, GENERATE, startGateway, textOf, type TestGateway } from '../support/gateway.ts';
import { HubServer } from '../support/hub-server.ts';
import { followPull, HUB_MODEL, hubModel } from '../support/pulling.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const data = temporaryFolder();
let hub: HubServer;
let gateway: TestGateway;
beforeEach(async () => {
  hub = await HubServer.start({ 'tiny.Q4_K_M.gguf': hubModel('Q4_K_M'), 'tiny.Q2_K.gguf': hubModel('Q2_K') });
});
afterEach(async () => {
  await gateway.stop();
  await hub.stop();
});

const start = async (flags: string[] = []) => {
  gateway = await startGateway(['--data-dir', data(), ...flags], { MIXGATE_HF_ENDPOINT: hub.url });
};
const write = (text: string): string => {
  const file = path.join(data(), 'manifest.yaml');
  writeFileSync(file, text);
  return file;
};
const sha256 = (name: string) => createHash('sha256').update(hub.files.get(name)!).digest('hex');

const manifest = () => `
version: 1
models:
  - source: hf:demo/tiny:Q4_K_M
    sha256: { tiny.Q4_K_M.gguf: ${sha256('tiny.Q4_K_M.gguf')} }
    sampling: { temperature: 0, repeatPenalty: 1 }
    chatTemplate: "{% for message in messages %}Say: {{ message.content }}{% endfor %}"
    pin: { contextSize: 512, slots: 2 }
  - id: ${DEMO}
    sampling: { temperature: 0 }
`;

interface Shown {
  readonly model: {
    readonly settings: { sampling: object; chatTemplate: string; pin: object; manifest: string } | null;
  };
  readonly devices: {
    readonly resident: {
      variant: { id: string };
      isPinned: boolean;
      slots: number;
      plan: { contextSize: number };
    }[];
  }[];
}
const QUERY = `{ model(id: "${HUB_MODEL}") { settings { manifest sampling chatTemplate pin } }
  devices { resident { isPinned slots variant { id } plan { contextSize } } } }`;
const residents = ({ devices }: Shown) => devices.flatMap((device) => device.resident);

const importManifest = (source: string) =>
  gateway.query<{ importManifest: { id: string }[] }>(
    'mutation ($source: String!) { importManifest(source: $source) { id } }',
    { source },
  );

async function untilPinned(): Promise<Shown> {
  for (;;) {
    const { data: shown } = await gateway.query<Shown>(QUERY);
    if (residents(shown).length > 0) return shown;
    await delay(50);
  }
}

const ask = async (model: string, sampling?: object) =>
  textOf(
    (
      await gateway.subscribe<'generate'>(GENERATE, {
        input: { model, prompt: { messages: [{ role: 'USER', content: 'Hello' }] }, sampling, maxTokens: 16 },
      })
    ).map(({ generate }) => generate),
  );

describe('a manifest', () => {
  it('pulls its models, sets them up and keeps the pinned ones loaded, also after a restart', async () => {
    await start();
    const file = write(manifest());
    const { data: imported } = await importManifest(file);
    expect(imported.importManifest).toHaveLength(1);
    expect((await followPull(gateway, imported.importManifest[0]!.id)).at(-1)!.state).toBe('COMPLETED');
    const shown = await untilPinned();
    expect(shown.model.settings).toEqual({
      manifest: file,
      sampling: { temperature: 0, repeatPenalty: 1 },
      chatTemplate: '{% for message in messages %}Say: {{ message.content }}{% endfor %}',
      pin: { quantization: 'Q4_K_M', contextSize: 512, slots: 2 },
    });
    expect(residents(shown)).toMatchObject([
      { variant: { id: `${HUB_MODEL}:Q4_K_M` }, isPinned: true, slots: 2, plan: { contextSize: 512 } },
    ]);
    await gateway.stop();
    await start();
    expect(residents(await untilPinned())).toMatchObject([
      { variant: { id: `${HUB_MODEL}:Q4_K_M` }, isPinned: true },
    ]);
  });

  it('changes what is answered: defaults of sampling, and the template', async () => {
    await start(['--manifests', write(manifest())]);
    await untilPinned();
    // Greedy by its defaults, without a word in the request.
    expect(await ask(DEMO)).toBe(await ask(DEMO, { temperature: 0 }));
    expect(await ask(HUB_MODEL)).not.toBe(await ask(DEMO));
    const promptTokens = async (model: string, prompt: object) => {
      const events = await gateway.subscribe<'generate'>(GENERATE, {
        input: { model, prompt, maxTokens: 1 },
      });
      return events.at(-1)!.generate.usage!.promptTokens;
    };
    expect(await promptTokens(HUB_MODEL, { messages: [{ role: 'USER', content: 'Hello' }] })).toBe(
      // Raw text gets a token for its beginning, which this template does not write.
      (await promptTokens(DEMO, { text: 'Say: Hello' })) - 1,
    );
  });

  it('is refused whole where something is wrong, with every mistake', async () => {
    await start();
    const { errors } = await importManifest(
      write(
        `version: 2\nmodels:\n  - { source: "hf:a/b", id: x }\n  - { sampling: { temperature: 99, heat: 1 } }\n  - { source: foo, chatTemplate: "{{ a" }\n`,
      ),
    );
    expect(errors![0]!.extensions.code).toBe('INVALID_INPUT');
    for (const problem of [
      'version',
      'exactly one of source and id',
      'temperature',
      'heat',
      'has no scheme',
      'no Jinja',
    ])
      expect(errors![0]!.message).toContain(problem);
    const bad = await importManifest(
      write('version: 1\nmodels:\n  - source: hf:demo/tiny:Q2_K\n  - source: ftp:x\n'),
    );
    expect(bad.errors![0]!.extensions.code).toBe('INVALID_INPUT');
    expect((await gateway.query<{ modelPulls: object[] }>('{ modelPulls { id } }')).data.modelPulls).toEqual(
      [],
    );
    const missing = await importManifest(path.join(data(), 'nowhere.yaml'));
    expect(missing.errors![0]!.extensions.code).toBe('NOT_FOUND');
  });

  it('with a hash that is not right brings nothing', async () => {
    await start();
    const { data: imported } = await importManifest(
      write(`version: 1\nmodels:\n  - source: hf:demo/tiny/tiny.Q2_K.gguf\n    sha256: ${'ab'.repeat(32)}\n`),
    );
    const last = (await followPull(gateway, imported.importManifest[0]!.id)).at(-1)!;
    expect(last).toMatchObject({ state: 'FAILED', error: { code: 'INTEGRITY_MISMATCH' } });
  });

  it('with a hash of a file that is not there brings nothing either', async () => {
    await start();
    const { data: imported } = await importManifest(
      write(
        `version: 1\nmodels:\n  - source: hf:demo/tiny:Q2_K\n    sha256: { typo.gguf: "${'ab'.repeat(32)}" }\n`,
      ),
    );
    const last = (await followPull(gateway, imported.importManifest[0]!.id)).at(-1)!;
    expect(last).toMatchObject({ state: 'FAILED', error: { code: 'INVALID_INPUT' } });
    expect(last.error!.message).toContain('typo.gguf');
  });

  it('pins the variant that its source names, and takes back what it no longer says', async () => {
    await start();
    const source = 'version: 1\nmodels:\n  - source: hf:demo/tiny:Q2_K\n';
    const pull = async (text: string) => {
      const { data: imported } = await importManifest(write(text));
      expect((await followPull(gateway, imported.importManifest[0]!.id)).at(-1)!.state).toBe('COMPLETED');
    };
    hub.files.set('tiny.Q8_0.gguf', hubModel('Q8_0'));
    await pull('version: 1\nmodels:\n  - source: hf:demo/tiny:Q8_0\n');
    await pull(`${source}    pin: true\n    sampling: { temperature: 0 }\n`);
    expect(residents(await untilPinned()).map(({ variant }) => variant.id)).toEqual([`${HUB_MODEL}:Q2_K`]);
    await pull(source);
    expect((await gateway.query<Shown>(QUERY)).data.model.settings).toBeNull();
    await pull(`${source}    sampling: { temperature: 0 }\n`);
    expect((await gateway.query<Shown>(QUERY)).data.model.settings).toMatchObject({
      sampling: { temperature: 0 },
    });
    await importManifest(write(`version: 1\nmodels:\n  - id: ${DEMO}\n`));
    expect((await gateway.query<Shown>(QUERY)).data.model.settings).toBeNull();
  });

  it('takes nothing from what another says of the same model', async () => {
    await start();
    const other = path.join(data(), 'other.yaml');
    writeFileSync(other, `version: 1\nmodels:\n  - id: ${HUB_MODEL}\n    sampling: { temperature: 0 }\n`);
    const bare = write('version: 1\nmodels:\n  - source: hf:demo/tiny:Q2_K\n');
    const pull = async () => {
      const { data: imported } = await importManifest(bare);
      expect((await followPull(gateway, imported.importManifest[0]!.id)).at(-1)!.state).toBe('COMPLETED');
    };
    await pull();
    await importManifest(other);
    await pull();
    expect((await gateway.query<Shown>(QUERY)).data.model.settings).toMatchObject({ manifest: other });
  });

  it.each([
    ['root:x:0:0:root:/root:/bin/bash\nsecret-user:x:1:1::/:/bin/false\n', 'secret'],
    ['API_KEY=sk-secret\n- [broken', 'secret'],
    ['{ "apiKey": "sk-secret" }', 'Key'],
  ])('that is none tells nothing of what it is', async (text, secret) => {
    await start();
    const answer = await importManifest(write(text));
    expect(answer.errors![0]!.extensions.code).toBe('INVALID_INPUT');
    expect(JSON.stringify(answer)).not.toContain(secret);
  });

  it('may come by address, and may then name no files of this machine', async () => {
    hub.files.set('manifest.yaml', Buffer.from('version: 1\nmodels:\n  - source: hf:demo/tiny:Q2_K\n'));
    hub.files.set('evil.yaml', Buffer.from('version: 1\nmodels:\n  - source: file:/etc/passwd.gguf\n'));
    await start();
    const { data: imported } = await importManifest(`${hub.url}/plain/manifest.yaml`);
    expect((await followPull(gateway, imported.importManifest[0]!.id)).at(-1)!.state).toBe('COMPLETED');
    expect((await importManifest(`${hub.url}/plain/evil.yaml`)).errors![0]!.extensions.code).toBe(
      'FORBIDDEN',
    );
    expect((await importManifest('https://10.0.0.1/m.yaml')).errors![0]!.extensions.code).toBe('FORBIDDEN');
  });

  it('finds files relative to itself', async () => {
    writeFileSync(
      path.join(data(), 'mine.gguf'),
      readFileSync(path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q2_K.gguf')),
    );
    await start();
    const { data: imported } = await importManifest(
      write('version: 1\nmodels:\n  - source: file:mine.gguf\n'),
    );
    expect((await followPull(gateway, imported.importManifest[0]!.id)).at(-1)!.state).toBe('COMPLETED');
  });
});
