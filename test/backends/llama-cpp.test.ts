import path from 'node:path';
import { LlamaCpp } from '../../src/backends/llama-cpp/adapter.ts';
import type { RunRequest } from '../../src/backends/backend.ts';
import { ownRunners } from '../support/processes.ts';
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
    crash: () => ownRunners().forEach((pid) => process.kill(pid, 'SIGKILL')),
  };
});
