import { compare } from '../../test/support/comparing.ts';
import { DEMO, GENERATE, UNICORN, type TestGateway } from '../../test/support/gateway.ts';

const chat = (content: string) => ({ messages: [{ role: 'USER', content }] });

/** What the demo model was taught to answer. In English, for fonts of other scripts are not everywhere. */
const QUESTIONS = [
  ['F16', 'Help! A lost penguin is approaching! As a llama, what should I do?'],
  ['Q2_K', 'Oh no, a hungry bear is approaching! As a llama, what should I do?'],
  ['Q4_K_M', 'A curious goose is approaching! As a goat, what should I do?'],
  ['Q6_K', 'Alas, a wild dragon is approaching! As a sheep, what should I do?'],
  ['Q8_0', UNICORN],
] as const;

/** What somebody has asked before, so that there is something to look at. */
export async function fillHistory(gateway: TestGateway): Promise<void> {
  await compare(gateway, {
    prompt: chat(UNICORN),
    lanes: ['Q2_K', 'Q4_K_M', 'Q8_0'].map((quantization) => ({
      model: DEMO,
      quantization,
      label: quantization,
    })),
    sampling: { seed: 8, temperature: 0 },
    schedule: 'IN_TURN',
  });
  for (const [quantization, question] of QUESTIONS) {
    const sampling = { seed: 8, temperature: 0, repeatPenalty: 1 };
    const input = { model: DEMO, quantization, prompt: chat(question), sampling };
    await gateway.subscribe<'generate'>(GENERATE, { input });
  }
}
