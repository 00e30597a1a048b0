import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DEMO, GENERATE, post, startGateway, textOf } from '../../test/support/gateway.ts';
import { HubServer } from '../../test/support/hub-server.ts';
import { hubModel, pullOf, startPull } from '../../test/support/pulling.ts';

/**
 * Makes a data folder as this version leaves it, for the tests of later ones (test/e2e/upgrade.test.ts): a generation, a
 * comparison with a vote, an evaluation, settings of a model, and a pull in the middle. To be run once per release.
 */

const root = (relative: string) => path.resolve(import.meta.dirname, '../..', relative);
const { version } = JSON.parse(readFileSync(root('package.json'), 'utf8')) as { version: string };
const target = root(`test/fixtures/data-${version}`);
if (existsSync(target)) throw new Error(`${target} is there: what a released version left never changes.`);

const PROMPT = { messages: [{ role: 'USER', content: 'Tell me about a wild unicorn.' }] };
const lanes = ['Q2_K', 'Q4_K_M'].map((quantization) => ({ model: DEMO, quantization }));
const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-data-fixture-'));
const hub = await HubServer.start({ 'tiny.Q2_K.gguf': hubModel('Q2_K') });
const manifest = path.join(folder, 'manifest.json');
writeFileSync(
  manifest,
  JSON.stringify({ version: 1, models: [{ id: DEMO, sampling: { temperature: 0.25 } }] }),
);
const data = path.join(folder, 'data');
const flags = ['--gpu', 'off', '--data-dir', data, '--manifests', manifest, '--pull-segment', '64KiB'];
const gateway = await startGateway([...flags, '--pull-connections', '1'], { MIXGATE_HF_ENDPOINT: hub.url });

const input = { model: DEMO, quantization: 'Q2_K', prompt: PROMPT, maxTokens: 12, sampling: { seed: 5 } };
const events = (await gateway.subscribe<'generate'>(GENERATE, { input })).map(({ generate }) => generate);
const started = await post<{ startComparison: { id: string } }>(gateway.url, {
  query: 'mutation ($input: CompareInput!) { startComparison(input: $input) { id } }',
  variables: { input: { prompt: PROMPT, lanes, maxTokens: 6, sampling: { temperature: 0 } } },
});
const comparison = started.data.startComparison.id;
await gateway.subscribe('subscription ($id: ID!) { comparisonEvents(id: $id) { sequence } }', {
  id: comparison,
});
await gateway.query('mutation ($id: ID!) { vote(comparison: $id, lane: 1, value: BETTER) { id } }', {
  id: comparison,
});
await gateway.subscribe(
  'subscription ($input: EvaluateQualityInput!) { evaluateQuality(input: $input) { quantization progress } }',
  {
    input: {
      model: DEMO,
      text: 'A wild unicorn is approaching! '.repeat(40),
      quantizations: ['Q2_K'],
      contextSize: 64,
    },
  },
);
hub.faults = { pauseMs: 50 };
const pull = await startPull(gateway, 'hf:demo/tiny:Q2_K');
while (((await pullOf(gateway, pull.id))?.receivedBytes ?? 0) < 100_000) await delay(5);
// Not ended by a kill: what waits to be written is written.
await gateway.stop();
await hub.stop();
rmSync(path.join(data, 'models', '.pulls', `${pull.id}.lock`), { recursive: true, force: true });
cpSync(data, target, { recursive: true });
const about = {
  generation: { id: events[0]!.generationId, text: textOf(events), lastSequence: events.at(-1)!.sequence },
  comparison,
  pull: pull.id,
};
writeFileSync(path.join(target, 'about.json'), `${JSON.stringify(about, null, 2)}\n`);
rmSync(folder, { recursive: true });
process.stdout.write(`${target}\n`);
