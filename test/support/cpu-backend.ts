import path from 'node:path';
import type { Backend } from '../../src/backends/backend.ts';
import { LlamaCpp } from '../../src/backends/llama-cpp/adapter.ts';
import { supervise } from '../../src/backends/supervise.ts';
import { recordingLog } from './recording-log.ts';

const RUNNER = path.resolve(import.meta.dirname, '../../dist/backends/llama-cpp/runner/main.js');

/** llama.cpp on one thread of the CPU, in runners of this process. */
export const cpuBackend = (): Backend =>
  supervise(new LlamaCpp({ gpu: 'off', threads: 1, log: recordingLog().log, runnerEntry: RUNNER }));
