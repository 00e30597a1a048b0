import { readFileSync } from 'node:fs';
import path from 'node:path';
import { LlamaCpp } from '../../src/backends/llama-cpp/adapter.ts';
import type { RunRequest } from '../../src/backends/backend.ts';
import { describeBackend } from './describe-backend.ts';

const root = path.resolve(import.meta.dirname, '../..');
const silent = () => undefined;

describeBackend('llama-cpp', () => {
  const runnerEntry = path.join(root, 'dist/backends/llama-cpp/runner/main.js');
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  return {
    backend: new LlamaCpp({ gpu: 'off', threads: 1, log, runnerEntry }),
    path: path.join(root, 'models/demo/tiny-mixtral-8x2M.Q8_0.gguf'),
    brokenPath: path.join(root, 'package.json'),
    // A grammar that does not let the model end.
    endless: {
      jsonSchema: { type: 'array', minItems: 400, items: { type: 'integer' } },
    } satisfies Partial<RunRequest>,
    crash: () => {
      const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
        .trim()
        .split(' ');
      for (const pid of children.map(Number))
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('runner')) process.kill(pid, 'SIGKILL');
    },
  };
});
