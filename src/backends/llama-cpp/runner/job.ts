import {
  LlamaGrammarEvaluationState,
  type LlamaContextSequence,
  type SequenceEvaluateOptions,
  type Token,
} from 'node-llama-cpp';
import { MixgateError, messageOf } from '../../../errors.ts';
import type { CommandOf, Report, ReportOf } from '../../../protocol/frames.ts';
import type { Seat } from './batch-schedule.ts';
import { Detokenizer } from './detokenizer.ts';
import type { LoadedModel } from './loaded-model.ts';
import { PartSender } from './part-sender.ts';
import { prefill } from './prefill.ts';
import { StageClock } from './stage-clock.ts';
import { TextStream } from './text-stream.ts';

type Start = CommandOf<'start'>;
type EndReason = ReportOf<'end'>['reason'];

interface JobHooks {
  readonly signal: AbortSignal;
  readonly send: (report: Report) => void;
}

/** node-llama-cpp's JSON grammar lets a finished document go on with just this. */
const JSON_END = '\n\n\n\n';

/** One generation: prompt to tokens, the prompt's new part computed, then token by token until an end. */
export async function runJob(loaded: LoadedModel, start: Start, { signal, send }: JobHooks): Promise<void> {
  const prompt = loaded.chatTemplate.tokenize(start.prompt);
  const contextSize = Math.min(start.contextSize, loaded.contextSize);
  checkLength(prompt.length, contextSize);
  const grammar = await grammarState(loaded, start.jsonSchema);
  const sequence = loaded.takeSlot(prompt);
  const seat = loaded.schedule.join();
  try {
    const job = new Job(loaded, { start, contextSize, prompt, sequence, seat, signal, send });
    send(await job.run(grammar));
  } finally {
    seat.leave();
    loaded.giveBackSlot(sequence);
  }
}

function checkLength(promptTokens: number, contextSize: number): void {
  if (promptTokens === 0)
    throw new MixgateError('INVALID_INPUT', 'The prompt has no tokens: send some text.');
  // One place stays free for the token to come.
  if (promptTokens < contextSize - 1) return;
  throw new MixgateError(
    'CONTEXT_OVERFLOW',
    `The prompt has ${promptTokens} tokens, the context ${contextSize}: shorten it or ask for a larger contextSize.`,
    { promptTokens, contextSize },
  );
}

async function grammarState(
  loaded: LoadedModel,
  schema: unknown,
): Promise<LlamaGrammarEvaluationState | null> {
  if (schema === null || schema === undefined) return null;
  try {
    const grammar = await loaded.llama.createGrammarForJsonSchema(schema as { type: 'object' });
    return new LlamaGrammarEvaluationState({ model: loaded.model, grammar });
  } catch (error) {
    throw new MixgateError('INVALID_INPUT', `jsonSchema cannot be used as a grammar: ${messageOf(error)}`);
  }
}

class Job {
  readonly #loaded: LoadedModel;
  readonly #start: Start;
  readonly #contextSize: number;
  readonly #prompt: readonly Token[];
  readonly #sequence: LlamaContextSequence;
  readonly #seat: Seat;
  readonly #signal: AbortSignal;
  readonly #parts: PartSender;
  readonly #clock = new StageClock();
  readonly #text: TextStream;
  readonly #detokenizer: Detokenizer;
  readonly #answer: Token[] = [];
  #cachedPromptTokens = 0;

  constructor(
    loaded: LoadedModel,
    job: {
      start: Start;
      contextSize: number;
      prompt: readonly Token[];
      sequence: LlamaContextSequence;
      seat: Seat;
    } & JobHooks,
  ) {
    this.#loaded = loaded;
    this.#start = job.start;
    this.#contextSize = job.contextSize;
    this.#prompt = job.prompt;
    this.#sequence = job.sequence;
    this.#seat = job.seat;
    this.#signal = job.signal;
    this.#parts = new PartSender((text, tokenIds) =>
      job.send({ type: 'part', id: job.start.id, text, tokens: tokenIds.length, tokenIds }),
    );
    this.#text = new TextStream([...job.start.stop, ...(job.start.jsonSchema === null ? [] : [JSON_END])]);
    this.#detokenizer = new Detokenizer(loaded.model, job.prompt);
  }

  async run(grammar: LlamaGrammarEvaluationState | null): Promise<Report> {
    if (this.#start.maxTokens === 0) return this.#end('MAX_TOKENS');
    const last = await this.#prefill();
    if (this.#signal.aborted) return this.#end('CANCELLED');
    const reason = await this.#decode(last, grammar);
    return this.#end(reason);
  }

  async #prefill(): Promise<Token[]> {
    const { cachedTokens, rest } = await prefill(this.#prompt, {
      loaded: this.#loaded,
      sequence: this.#sequence,
      seat: this.#seat,
      signal: this.#signal,
    });
    this.#cachedPromptTokens = cachedTokens;
    return rest;
  }

  async #decode(from: Token[], grammar: LlamaGrammarEvaluationState | null): Promise<EndReason> {
    this.#seat.asks();
    const tokens = this.#sequence.evaluate(from, this.#evaluateOptions(grammar));
    for await (const token of tokens) {
      this.#clock.sampled();
      this.#answer.push(token);
      const reason = this.#take(token);
      if (reason !== null) return reason;
      this.#seat.asks();
    }
    // The end token was sampled too, but belongs to nobody's text.
    this.#clock.sampled();
    return this.#signal.aborted ? 'CANCELLED' : 'END_OF_TEXT';
  }

  /** Sends the token's text; the reason when the answer ends with it. */
  #take(token: Token): EndReason | null {
    const text = this.#text.push(this.#detokenizer.push(token));
    if (this.#signal.aborted) return 'CANCELLED';
    this.#parts.push(text, token);
    if (this.#text.stoppedBy !== null)
      return this.#text.stoppedBy === JSON_END ? 'END_OF_TEXT' : 'STOP_SEQUENCE';
    if (this.#answer.length === this.#start.maxTokens) return 'MAX_TOKENS';
    return this.#prompt.length + this.#answer.length >= this.#contextSize - 1 ? 'CONTEXT_FULL' : null;
  }

  #evaluateOptions(grammar: LlamaGrammarEvaluationState | null): SequenceEvaluateOptions {
    const { sampling } = this.#start;
    return {
      temperature: sampling.temperature,
      topK: sampling.topK,
      topP: sampling.topP,
      minP: sampling.minP,
      seed: sampling.seed,
      ...(grammar === null ? {} : { grammarEvaluationState: grammar }),
      repeatPenalty: {
        penalty: sampling.repeatPenalty,
        presencePenalty: sampling.presencePenalty,
        frequencyPenalty: sampling.frequencyPenalty,
        maxPunishTokens: this.#penaltyWindow(),
        // Called when a batch is computed and sampling begins: the one place where the two can be told apart.
        punishTokens: () => {
          this.#clock.computed();
          return this.#lastTokens(this.#penaltyWindow());
        },
      },
    };
  }

  #penaltyWindow(): number {
    const { repeatLastN } = this.#start.sampling;
    return repeatLastN === -1 ? this.#contextSize : repeatLastN;
  }

  /** As llama.cpp's penalties do: of the whole context, prompt included. */
  #lastTokens(count: number): Token[] {
    if (count === 0) return [];
    const ofAnswer = this.#answer.slice(-count);
    const ofPrompt = count > ofAnswer.length ? this.#prompt.slice(-(count - ofAnswer.length)) : [];
    return [...ofPrompt, ...ofAnswer];
  }

  #end(reason: EndReason): Report {
    const rest = this.#text.stoppedBy === null && reason !== 'CANCELLED' ? this.#rest() : '';
    this.#parts.push(rest);
    this.#parts.flush();
    const promptTokens = this.#prompt.length;
    const cachedPromptTokens = this.#cachedPromptTokens;
    return {
      type: 'end',
      id: this.#start.id,
      reason,
      usage: { promptTokens, cachedPromptTokens, completionTokens: this.#answer.length },
      timings: this.#clock.timings(promptTokens - cachedPromptTokens),
    };
  }

  #rest(): string {
    const rest = this.#text.push(this.#detokenizer.flush()) + this.#text.flush();
    return this.#start.jsonSchema === null ? rest : rest.trimEnd();
  }
}
