import { getLlama, type LlamaContextSequence, type LlamaModel, type Token } from 'node-llama-cpp';

/** A model as node-llama-cpp has it, without anything of ours. */
interface BareModel {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  /** Of raw text, with the token that begins it. */
  readonly tokenize: (text: string) => Token[];
}

export async function withBareModel<Result>(
  modelPath: string,
  use: (bare: BareModel) => Promise<Result>,
): Promise<Result> {
  const llama = await getLlama({ build: 'never', gpu: false, maxThreads: 1 });
  const model = await llama.loadModel({ modelPath });
  try {
    const context = await model.createContext({ contextSize: 512 });
    const tokenize = (text: string) => [model.tokens.bos!, ...model.tokenize(text, true)];
    return await use({ model, sequence: context.getSequence(), tokenize });
  } finally {
    // First: llama.cpp's own end may wait for ever for a model that is there.
    await model.dispose();
    await llama.dispose();
  }
}

/** What comes after the tokens, most likely first, by the raw softmax. Reads them; the sequence goes on from there. */
export async function probabilitiesAfter(
  sequence: LlamaContextSequence,
  tokens: readonly Token[],
): Promise<ReadonlyMap<Token, number>> {
  const last = [tokens.at(-1)!, { generateNext: { probabilities: true } }] as [Token, object];
  const outputs = await sequence.controlledEvaluate([...tokens.slice(0, -1), last]);
  return outputs.at(-1)!.next.probabilities!;
}
