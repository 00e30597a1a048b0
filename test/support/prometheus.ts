import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { freePort } from './free-port.ts';

/** A real one, that scrapes one target and evaluates rules every second. */
export interface TestPrometheus {
  /** Of an instant query; rejects with what is wrong with it. */
  query(expression: string): Promise<{ metric: Record<string, string>; value: number }[]>;
  /** All rules, as `/api/v1/rules` tells of them. */
  rules(): Promise<{ name: string; health: string; state: string; lastError?: string }[]>;
  stop(): Promise<void>;
}

/** `target`: `host:port`. */
export async function startPrometheus(target: string, ruleFile: string): Promise<TestPrometheus> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-prometheus-'));
  const config = path.join(folder, 'prometheus.yml');
  const address = `127.0.0.1:${await freePort()}`;
  writeFileSync(
    config,
    stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [ruleFile],
      scrape_configs: [{ job_name: 'mixgate', static_configs: [{ targets: [target] }] }],
    }),
  );
  const server = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let output = '';
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', (text: Buffer) => {
      output += text.toString();
      if (output.includes('Server is ready to receive web requests')) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`Prometheus ended: ${output}`)));
  });
  const ask = async <Data>(place: string): Promise<Data> => {
    const response = await fetch(`http://${address}/api/v1/${place}`);
    const { status, data, error } = (await response.json()) as { status: string; data: Data; error?: string };
    if (status !== 'success') throw new Error(`${place}: ${error}`);
    return data;
  };
  return {
    async query(expression) {
      const { result } = await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
    },
    async rules() {
      const { groups } = await ask<{ groups: { rules: Awaited<ReturnType<TestPrometheus['rules']>> }[] }>(
        'rules',
      );
      return groups.flatMap(({ rules }) => rules);
    },
    async stop() {
      const exit = once(server, 'exit');
      server.kill('SIGTERM');
      await exit;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
