import type { Command } from 'commander';

/** What the commands that answer a prompt have in common; llama.cpp's names beside ours. */
export const addSamplingOptions = (command: Command): Command =>
  command
    .option('-c, --context-size <tokens>', 'context for prompt and answer (llama.cpp: --ctx-size)')
    .option('-g, --gpu-layers <count>', 'pin the layers on the GPU (llama.cpp: -ngl, --n-gpu-layers)')
    .option('-n, --max-tokens <count>', 'length of the answer at most (llama.cpp: --n-predict)')
    .option('--temperature <number>', '0 is greedy (llama.cpp: --temp)')
    .option('--top-k <count>', 'draw from the most likely tokens only')
    .option('--top-p <share>', 'draw from the most likely share only')
    .option('--min-p <share>', 'leave out what is less likely than this share of the likeliest')
    .option('--repeat-penalty <factor>', '1 is off')
    .option('--repeat-last-n <tokens>', 'how far back the penalty looks')
    .option('-s, --seed <number>', 'same seed, same text')
    .option('--system <text>', 'system message')
    .option('--raw', 'give the prompt to the model as it is, without its chat template');

const number = (value: unknown): unknown => (value === undefined ? undefined : Number(value));

/** These options as a request has them. */
export const samplingOf = (options: Readonly<Record<string, unknown>>) => ({
  contextSize: number(options['contextSize']),
  gpuLayers: number(options['gpuLayers']),
  maxTokens: number(options['maxTokens']),
  sampling: {
    temperature: number(options['temperature']),
    topK: number(options['topK']),
    topP: number(options['topP']),
    minP: number(options['minP']),
    repeatPenalty: number(options['repeatPenalty']),
    repeatLastN: number(options['repeatLastN']),
    seed: number(options['seed']),
  },
});
