import path from 'node:path';
import type { Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probabilitiesAfter, withBareModel } from '../support/bare-llama.ts';
import {
  compare,
  FOLLOW,
  startComparison,
  type LaneEvent,
  type TestCandidates,
} from '../support/comparing.ts';
import { collect, DEMO, startGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(async () => {
  expect(await gateway.stop()).toBe(0);
});

const PROMPT = 'Alas, a wild unicorn is approaching! As a llama, I';
const TOKENS = 32;
const WEIGHTS = path.resolve(import.meta.dirname, '../../models/demo');
const input = {
  prompt: { text: PROMPT },
  maxTokens: TOKENS,
  sampling: { temperature: 0, repeatPenalty: 1 },
  lanes: ['Q2_K', 'Q4_K_M'].map((quantization) => ({ model: DEMO, quantization })),
  onDisconnect: 'CONTINUE',
};

/** By then a runner has been asked; it would be waited for longer. */
const ASKED_MS = 300;

interface Step {
  readonly token: Token;
  readonly probabilities: ReadonlyMap<Token, number>;
}

/** What llama.cpp answers by itself, greedy, and what it holds likely at each token. */
const greedy = (quantization: string): Promise<Step[]> =>
  withBareModel(
    path.join(WEIGHTS, `tiny-mixtral-8x2M.${quantization}.gguf`),
    async ({ sequence, tokenize }) => {
      const steps: Step[] = [];
      let read = tokenize(PROMPT);
      while (steps.length < TOKENS) {
        const probabilities = await probabilitiesAfter(sequence, read);
        const [token] = [...probabilities.keys()];
        steps.push({ token: token!, probabilities });
        read = [token!];
      }
      return steps;
    },
  );

describe('candidates', () => {
  it("are only the lane's own where lane 0's runner is killed while it is asked", async () => {
    // The one that has described the machine takes the first model.
    const [first] = await gateway.runners();
    const { id } = await startComparison(gateway, input);
    const client = gateway.client();
    const events = await collect<'comparisonEvents'>(client, FOLLOW, { id }, ({ comparisonEvents }) => {
      const { lane, event } = comparisonEvents as unknown as LaneEvent;
      if (lane === 1 && event?.__typename === 'ModelLoading') process.kill(first!, 'SIGSTOP');
      if (lane === 1 && event?.__typename === 'GenerationCompleted')
        setTimeout(() => process.kill(first!, 'SIGKILL'), ASKED_MS);
    });
    await client.dispose();
    const { lanes } = (events.at(-1)!.comparisonEvents as unknown as LaneEvent).comparison!;
    expect(lanes.map(({ generation }) => generation.state)).toEqual(['COMPLETED', 'COMPLETED']);
    const { own, ownToken, reference } = lanes[1]!.divergence!.candidates!;
    expect(own![0]!.token).toBe(ownToken);
    expect(reference).toBeNull();
    const again = await compare(gateway, input);
    expect(again.at(-1)!.comparison!.lanes[1]!.divergence!.candidates!.reference).not.toBeNull();
  });

  it('are what llama.cpp computes by itself, in turn and together', async () => {
    const [reference, own] = [await greedy('Q2_K'), await greedy('Q4_K_M')];
    const index = own.findIndex(({ token }, at) => token !== reference[at]!.token);
    const drawn = { ownToken: own[index]!.token, referenceToken: reference[index]!.token };
    for (const schedule of ['IN_TURN', 'TOGETHER']) {
      const events = await compare(gateway, { ...input, schedule });
      const { lanes } = events.at(-1)!.comparison!;
      expect(lanes[0]!.divergence).toBeNull();
      const { firstDifferentToken, candidates } = lanes[1]!.divergence!;
      expect(firstDifferentToken).toBe(index);
      expect(candidates).toMatchObject(drawn);
      expectAs(candidates!.own, own[index]!, Object.values(drawn));
      expectAs(candidates!.reference, reference[index]!, Object.values(drawn));
    }
  });
});

/** The ten likeliest and those drawn, the one that this model drew first. */
function expectAs(found: TestCandidates['own'], { token, probabilities }: Step, drawn: Token[]): void {
  expect(found![0]!.token).toBe(token);
  const likeliest = [...probabilities.keys()].slice(0, 10);
  const tokens = found!.map((candidate) => candidate.token);
  expect(tokens.toSorted()).toEqual([...new Set([...likeliest, ...drawn])].toSorted());
  for (const candidate of found!)
    expect(candidate.probability).toBeCloseTo(probabilities.get(candidate.token as Token)!, 4);
  expect(found!.reduce((sum, { probability }) => sum + probability, 0)).toBeLessThanOrEqual(1 + 1e-9);
}
