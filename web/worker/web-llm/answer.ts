import type { ChatCompletionChunk, Completion, MLCEngine } from '@mlc-ai/web-llm';
import { TextStream } from '../../../src/backends/llama-cpp/runner/text-stream.ts';
import { emptyEnd, EngineError, type End, type Part, type Start } from '../engine.ts';
import type { Samplers } from './samplers.ts';

export interface AnswerOptions {
  readonly engine: MLCEngine;
  readonly samplers: Samplers;
  readonly template: Template;
  readonly start: Start;
  readonly onPart: (part: Part) => void;
}

/** Of a model's conversation template. */
export interface Template {
  /** Tokens that end a text. */
  readonly stopTokens: readonly number[];
  /** Roles whose words are put into a template, in which `$` has a meaning to web-llm's String.replace. */
  readonly escaped: ReadonlySet<string>;
}

type Chunk = ChatCompletionChunk | Completion;
type Reason = End['reason'];

/** web-llm's own words for what it was asked wrongly. */
const ASKED_WRONGLY =
  /^(MessageOrder|SystemMessageOrder|ContentType|UnsupportedRole|InvalidResponseFormat|GrammarMatcherInit|UnsupportedFields|CustomSystemPrompt|RangeError|MinValue|NonNegative)/;

/** The engine's own, not of its public interface: read only where it is there. */
interface Pipelines {
  readonly loadedModelIdToPipeline?: ReadonlyMap<string, { getCurRoundPrefillTotalTokens?: () => number }>;
}

/** One answer, as the protocol wants it: stop sequences held back, tokens counted one by one, an end within a token. */
export class Answer {
  readonly #options: AnswerOptions;
  readonly #text: TextStream;
  #reason: Reason | null = null;
  /** Counted when the answer was over; what web-llm samples after that is nobody's. */
  #counted: number | null = null;
  #sent = 0;
  #usage: Chunk['usage'];

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#text = new TextStream(options.start.stop);
  }

  /** Takes effect at the next token. */
  cancel(): void {
    this.#stop('CANCELLED');
  }

  /** @throws EngineError; what the engine throws */
  async run(): Promise<End> {
    const { engine, samplers, start } = this.#options;
    // Each answer by itself: of a kept conversation web-llm does not say how much of the prompt it had.
    await engine.resetChat();
    if (this.#reason !== null) return emptyEnd(this.#reason);
    samplers.begin(start);
    let finish: string | null = null;
    try {
      // Read to its end also after an interrupt: only then the engine is free.
      for await (const chunk of await this.#stream()) {
        this.#usage = chunk.usage ?? this.#usage;
        const [choice] = chunk.choices;
        if (choice === undefined) continue;
        finish = choice.finish_reason ?? finish;
        if (this.#reason !== null) void engine.interruptGenerate();
        else this.#take('delta' in choice ? (choice.delta.content ?? '') : choice.text);
      }
    } catch (error) {
      throw asked(error) ?? error;
    }
    return this.#end(finish);
  }

  async #stream(): Promise<AsyncIterable<Chunk>> {
    const { engine, start, template } = this.#options;
    const { prompt, jsonSchema } = start;
    const body = bodyOf(start);
    if ('text' in prompt) {
      if (jsonSchema !== null && jsonSchema !== undefined)
        throw new EngineError(
          'INVALID_INPUT',
          'web-llm takes a jsonSchema with messages only, not with text.',
        );
      return engine.completions.create({ ...body, prompt: prompt.text });
    }
    return engine.chat.completions.create({
      ...body,
      messages: prompt.messages.map(({ role, content }) => ({
        role,
        content: template.escaped.has(role) ? content.replaceAll('$', '$$$$') : content,
      })),
      ...(jsonSchema !== null &&
        jsonSchema !== undefined && {
          response_format: { type: 'json_object', schema: JSON.stringify(jsonSchema) },
        }),
    });
  }

  #take(delta: string): void {
    this.#emit(this.#text.push(delta), this.#tokens());
    if (this.#text.stoppedBy !== null) return this.#stop('STOP_SEQUENCE');
    const { contextSize, maxTokens } = this.#options.start;
    const promptTokens = this.#promptTokens();
    if (promptTokens >= contextSize - 1) this.#stop('CONTEXT_FULL');
    else if (promptTokens + this.#sent >= contextSize - 1)
      this.#stop(this.#sent === maxTokens ? 'MAX_TOKENS' : 'CONTEXT_FULL');
  }

  #stop(reason: Reason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#counted = this.#tokens();
    void this.#options.engine.interruptGenerate();
  }

  #emit(text: string, tokens: number): void {
    const fresh = tokens - this.#sent;
    this.#sent = tokens;
    if (text !== '' || fresh > 0) this.#options.onPart({ text, tokens: fresh });
  }

  /** Sampled so far, without the one that ends the text: that is nobody's text. */
  #tokens(): number {
    const { samplers, template } = this.#options;
    const isEnd = samplers.lastToken !== null && template.stopTokens.includes(samplers.lastToken);
    return samplers.tokens - (isEnd ? 1 : 0);
  }

  #promptTokens(): number {
    const { loadedModelIdToPipeline } = this.#options.engine as unknown as Pipelines;
    const [pipeline] = loadedModelIdToPipeline?.values() ?? [];
    return pipeline?.getCurRoundPrefillTotalTokens?.() ?? 0;
  }

  #end(finish: string | null): End {
    const { contextSize, maxTokens } = this.#options.start;
    const promptTokens = this.#usage?.prompt_tokens ?? this.#promptTokens();
    if (promptTokens >= contextSize - 1 && this.#reason !== 'CANCELLED')
      throw tooLong(promptTokens, contextSize);
    const completionTokens = this.#counted ?? this.#tokens();
    const rest = this.#reason === 'STOP_SEQUENCE' ? '' : this.#text.flush();
    this.#emit(rest, completionTokens);
    const ended =
      finish === 'stop' ? 'END_OF_TEXT' : completionTokens === maxTokens ? 'MAX_TOKENS' : 'CONTEXT_FULL';
    const extra = this.#usage?.extra;
    const decoded = Math.max(0, completionTokens - 1);
    const rate = extra?.decode_tokens_per_s ?? 0;
    return {
      reason: this.#reason ?? ended,
      usage: { promptTokens, cachedPromptTokens: 0, completionTokens },
      timings: {
        sample: null,
        promptEval: { ms: 1000 * Math.max(0, extra?.time_to_first_token_s ?? 0), count: promptTokens },
        eval: { ms: rate > 0 ? (1000 * decoded) / rate : 0, count: decoded },
      },
    };
  }
}

function bodyOf({ sampling, maxTokens }: Start) {
  return {
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: maxTokens,
    temperature: sampling.temperature,
    // It takes none that is 0, which means the same: the most probable one alone.
    top_p: Math.min(1, Math.max(1e-6, sampling.topP)),
    repetition_penalty: sampling.repeatPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    seed: sampling.seed,
  } as const;
}

function asked(error: unknown): EngineError | null {
  if (!(error instanceof Error)) return null;
  if (error.name === 'ContextWindowSizeExceededError')
    return new EngineError(
      'CONTEXT_OVERFLOW',
      `${error.message.split('\n')[0]} Shorten it or ask for a larger contextSize.`,
    );
  return ASKED_WRONGLY.test(error.name) ? new EngineError('INVALID_INPUT', error.message) : null;
}

const tooLong = (promptTokens: number, contextSize: number): EngineError =>
  new EngineError(
    'CONTEXT_OVERFLOW',
    `The prompt has ${promptTokens} tokens, the context ${contextSize}: shorten it or ask for a larger contextSize.`,
  );
