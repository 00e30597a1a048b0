import { SingleBar, Presets } from 'cli-progress';
import pc from 'picocolors';
import type { ConfigSource } from '../config.ts';
import type { GenerationEvent } from '../generation/events.ts';
import type { Generation } from '../generation/generation.ts';
import { generationRequest, type GenerationRequest } from '../generation/request.ts';
import type { Services } from '../resolvers/services.ts';
import type { CommandEnvironment } from './environment.ts';
import { describePlan, timingsTable } from './format.ts';
import { withGateway } from './gateway.ts';
import { samplingOf } from './sampling-options.ts';
import { subjectOf } from './subject.ts';

/** As the command line gives them: text, or absent. */
export interface RunOptions extends ConfigSource {
  readonly model?: string;
  readonly quantization?: string;
  readonly system?: string;
  readonly raw?: boolean;
  readonly json?: boolean;
}

/** `mixgate run PROMPT`: the answer goes to standard output, everything about it to standard error. */
export async function runPrompt(
  prompt: string,
  options: RunOptions,
  environment: CommandEnvironment,
): Promise<void> {
  await withGateway({ logLevel: 'error', ...options }, environment, async (services) => {
    const generation = services.generations.start(await request(prompt, options, services), 'terminal');
    process.once('SIGINT', () => generation.cancel());
    const view = options.json === true ? silent : terminal(prompt);
    for await (const event of generation.log.read(0, new AbortController().signal)) view(event);
    end(generation, options.json === true);
  });
}

async function request(prompt: string, options: RunOptions, services: Services): Promise<GenerationRequest> {
  const subject = await subjectOf(options.model === undefined ? [] : [options.model], services.catalog);
  const messages = [
    ...(options.system === undefined ? [] : [{ role: 'SYSTEM', content: options.system }]),
    { role: 'USER', content: prompt },
  ];
  const input = {
    model: subject.model,
    quantization: subject.quantization ?? options.quantization,
    prompt: options.raw === true ? { text: prompt } : { messages },
    ...samplingOf(options),
  };
  return generationRequest(input, services.settings.sampling);
}

type View = (event: GenerationEvent) => void;

const silent: View = () => undefined;

function terminal(prompt: string): View {
  const { stderr, stdout } = process;
  const bar = new SingleBar(
    {
      stream: stderr,
      format: 'loading {bar} {percentage}%',
      hideCursor: true,
      clearOnComplete: true,
      noTTYOutput: false,
    },
    Presets.shades_classic,
  );
  let isLoading = false;
  stderr.write(`${pc.green(prompt)}\n`);
  return (event) => {
    if (event.type === 'PlanChosen') stderr.write(`${pc.dim(describePlan(event.plan))}\n`);
    if (event.type === 'ModelLoading' && stderr.isTTY) {
      if (!isLoading) bar.start(1, 0);
      isLoading = event.progress < 1;
      bar.update(event.progress);
      if (!isLoading) bar.stop();
    }
    if (event.type === 'TokenChunk') stdout.write(event.text);
  };
}

function end(generation: Generation, isJson: boolean): void {
  const { state, error, text, plan, usage, timings, seed, finishReason } = generation;
  if (isJson)
    process.stdout.write(
      `${JSON.stringify({ state, text, finishReason, error, plan, usage, timings, seed })}\n`,
    );
  else process.stdout.write('\n');
  if (error !== null && !isJson) process.stderr.write(`${pc.red(error.code)} ${error.message}\n`);
  if (timings !== null && !isJson)
    process.stderr.write(`${timingsTable(timings)}\n${pc.dim(`seed ${seed}, ${finishReason}`)}\n`);
  if (state !== 'COMPLETED') process.exitCode = 1;
}
