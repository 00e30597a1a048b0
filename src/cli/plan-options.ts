import { Option, type Command } from 'commander';
import type { ConfigSource } from '../config.ts';

/** As the command line gives them: text, or absent. */
export interface PlanOptions extends ConfigSource {
  readonly quantization?: string;
  readonly objective?: string;
  readonly device?: string;
  readonly kind: string;
  readonly name?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

const KINDS = ['cuda', 'vulkan', 'metal', 'cpu', 'webgpu'];
const OBJECTIVES = ['quality', 'balanced', 'speed'];

export function addPlanOptions(command: Command): Command {
  return command
    .option('-q, --quantization <name>', 'pin a quantization, e.g. Q4_K_M')
    .option('-c, --context-size <tokens>', 'context that each slot must hold (default: 2048)')
    .option('--slots <count>', 'sequences decoded in parallel (default: 1)')
    .option('-g, --gpu-layers <count>', 'pin the layers on the GPU (llama.cpp: -ngl, --n-gpu-layers)')
    .option('--kv-cache-type <type>', "F16, Q8_0 or Q4_0 (default: the runtime's own)")
    .addOption(new Option('--objective <name>', 'how slow decoding may be').choices(OBJECTIVES))
    .addOption(new Option('--device <id>', 'plan on this device only').conflicts('vram'))
    .option('--vram <bytes>', 'plan for a card that need not exist: its memory, e.g. 16GiB')
    .option('--vram-free <bytes>', 'memory of that card that is free (default: all)')
    .option('--bandwidth <rate>', 'of its memory, e.g. 900GB/s; lets the speed be estimated')
    .addOption(new Option('--kind <kind>', 'of that card').choices(KINDS).default('cuda'))
    .option('--name <name>', 'of that card, e.g. "Tesla V100"; a known one brings its bandwidth')
    .option('--ram <bytes>', "free memory of the host beside that card (default: this machine's)")
    .option('--ram-bandwidth <rate>', 'of the host, e.g. 40GB/s')
    .option('--all', 'say for every candidate why it is not chosen')
    .option('--json', 'print one JSON document instead of text');
}
