import { getLlama, LlamaLogLevel, type LlamaContextSequence, type Token } from 'node-llama-cpp';

/**
 * node-llama-cpp without anything around it, in a process of its own: argument 1 is the model, 2 the sequences, 3 the
 * tokens of each. Reports each round's tokens,
 * milliseconds and processor time.
 */
const [model = '', parallel = '1', tokens = '128'] = process.argv.slice(2);
const llama = await getLlama({ build: 'never', gpu: false, maxThreads: 1, logLevel: LlamaLogLevel.error });
const loaded = await llama.loadModel({ modelPath: model });
const context = await loaded.createContext({ contextSize: 512, sequences: Number(parallel), batchSize: 512 });
const sequences = Array.from({ length: Number(parallel) }, () => context.getSequence());
const prompt = loaded.tokenize(process.env['PROMPT'] ?? 'Hello', false);

/** Resolves with the tokens generated. */
async function generate(sequence: LlamaContextSequence): Promise<number> {
  await sequence.clearHistory();
  const answer: Token[] = [];
  const evaluation = sequence.evaluate(prompt, {
    temperature: 0.7,
    topK: 40,
    topP: 0.95,
    minP: 0.05,
    seed: 1,
    repeatPenalty: { penalty: 1.1, maxPunishTokens: 64, punishTokens: () => answer.slice(-64) },
  });
  for await (const token of evaluation) {
    answer.push(token);
    loaded.detokenize([token]);
    if (answer.length >= Number(tokens)) break;
  }
  return answer.length;
}

/** Each round waits for its turn. */
process.on('message', () => void round());
process.once('disconnect', () => process.exit(0));

async function round(): Promise<void> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const counts = await Promise.all(sequences.map(generate));
  const { user, system } = process.cpuUsage(cpu);
  const generated = counts.reduce((sum, count) => sum + count, 0);
  process.send?.({ tokens: generated, ms: performance.now() - startedAt, cpuMs: (user + system) / 1000 });
}

process.send?.('ready');
