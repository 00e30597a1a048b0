import type { Backend, PredictEnd, Resident, RunRequest } from '../../src/backends/backend.ts';
import { FakeBackend } from './fake-backend.ts';

/** What a test has a runtime do when it is asked. */
export type Predict = NonNullable<Resident['predict']>;

/** The fake, whose variants begin with a token of their own and tell how likely they held it, unless `predict` says otherwise. */
export class PredictingBackend extends FakeBackend {
  override readonly capabilities = { ...CAPABILITIES, prediction: true };
  predict: Predict | null = null;

  override async load(request: Parameters<Backend['load']>[0], options: Parameters<Backend['load']>[1]) {
    const resident = await super.load(request, options);
    const first = request.path.length;
    return {
      ...resident,
      generate: (run: RunRequest, signal: AbortSignal) => numbered(resident.generate(run, signal), first),
      predict: ((question, signal) => {
        this.calls.push(`predict ${request.path}`);
        return (this.predict ?? likely(first))(question, signal);
      }) satisfies Predict,
    };
  }
}

const CAPABILITIES = new FakeBackend().capabilities;

/** Its tokens are 0, 0, 0, … but for the first. */
async function* numbered(parts: ReturnType<Resident['generate']>, first: number) {
  let count = 0;
  for await (const part of parts)
    if (part.type === 'end') yield part;
    else {
      const isFirst = count++ === 0;
      yield { ...part, text: isFirst ? `<${first}>` : part.text, tokenIds: [isFirst ? first : 0] };
    }
}

const likely = (first: number): Predict =>
  async function* ({ always }): AsyncGenerator<PredictEnd> {
    yield {
      type: 'end',
      reason: 'COMPLETED',
      candidates: [...always]
        .sort((a, b) => Number(b === first) - Number(a === first))
        .map((token) => ({ token, text: `<${token}>`, probability: token === first ? 0.6 : 0.1 })),
    };
  };
