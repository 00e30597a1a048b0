import { parseArgs } from 'node:util';
import { answer, Refused, type Api, type Shown } from './answer.ts';

const MODEL = 'tiny-mixtral-8x2m-instruct-demo';
const PROMPT = 'Alas, a wild unicorn is approaching! As a llama, what should I do?';

const OPTIONS = {
  url: { type: 'string', default: 'http://127.0.0.1:4000/graphql' },
  model: { type: 'string', default: MODEL },
  input: { type: 'string', default: '{}' },
  key: { type: 'string', default: process.env['MIXGATE_API_KEY'] ?? '' },
} as const;

/**
 * The command line of every example: `[--url URL] [--key KEY] [--model ID] [--input JSON] [PROMPT]`, where the JSON
 * holds more of GenerateInput, and the key may be in MIXGATE_API_KEY. Text goes to standard output as it comes, all else to standard error. Ctrl+C cancels.
 */
export async function main(connect: (url: string, shown: Shown) => Api): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const content = positionals.join(' ') || PROMPT;
  const more = JSON.parse(values.input) as Record<string, unknown>;
  const input = { model: values.model, prompt: { messages: [{ role: 'USER', content }] }, ...more };
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const api = connect(values.url, values.key === '' ? {} : { authorization: `Bearer ${values.key}` });
  try {
    await print(api, input, stop.signal);
  } catch (error) {
    const refused = error instanceof Refused ? `${error.code} ` : '';
    process.stderr.write(`${refused}${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    api.close();
  }
}

async function print(api: Api, input: Record<string, unknown>, signal: AbortSignal): Promise<void> {
  for await (const event of answer(api, input, signal)) {
    switch (event.__typename) {
      case 'PlanChosen':
        process.stderr.write(`${event.generationId} ${event.plan.variant.id}\n`);
        break;
      case 'TokenChunk':
        process.stdout.write(event.text);
        break;
      case 'GenerationCompleted':
        process.stderr.write(`\n${event.finishReason}\n`);
        break;
      case 'GenerationCancelled':
        process.stderr.write('\ncancelled\n');
        process.exitCode = 130;
        break;
      case 'GenerationFailed':
        process.stderr.write(`\n${event.error.code} ${event.error.message}\n`);
        process.exitCode = 1;
        break;
      case 'GenerationQueued':
      case 'ModelLoading':
      case 'LanguageDrifted':
    }
  }
}
