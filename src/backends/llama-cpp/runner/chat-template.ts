import { createContext, Script } from 'node:vm';
import { Template } from '@huggingface/jinja';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { MixgateError, messageOf } from '../../../errors.ts';
import type { CommandOf } from '../../../protocol/frames.ts';

type Prompt = CommandOf<'start'>['prompt'];
type Messages = Extract<Prompt, { messages: unknown }>['messages'];

/** Two markers that no tokenizer merges with text and no person types. */
const MARKER = '\u{E000}';

/** Templates come with the weights, and can loop as long as they like: nothing else would be answered meanwhile. */
const MOST_RENDER_MS = 5000;
const guarded: { work: (() => unknown) | null } = { work: null };
const guard = { script: new Script('work()'), context: createContext(guarded) };

/** @throws what work throws, or ERR_SCRIPT_EXECUTION_TIMEOUT */
function inTime<Result>(work: () => Result): Result {
  guarded.work = work;
  return guard.script.runInContext(guard.context, { timeout: MOST_RENDER_MS }) as Result;
}

/** Turns prompts into tokens with the template that the model itself carries, or with another. */
export class ChatTemplate {
  readonly #model: LlamaModel;
  readonly #source: string | null;
  #template: Template | null = null;

  constructor(model: LlamaModel, source: string | null) {
    this.#model = model;
    this.#source = source;
  }

  /** @throws INVALID_INPUT when the model has no template, or its template refuses the messages or does not end */
  tokenize(prompt: Prompt): Token[] {
    return 'text' in prompt ? this.#rawTokens(prompt.text) : this.#chatTokens(prompt.messages);
  }

  /** As llama-server's /completion: special tokens in the text count, and BOS goes in front where the model wants it. */
  #rawTokens(text: string): Token[] {
    const { tokens } = this.#model;
    const ids = this.#model.tokenize(text, true);
    const needsBos = tokens.shouldPrependBosToken && tokens.bos !== null && ids[0] !== tokens.bos;
    return needsBos && tokens.bos !== null ? [tokens.bos, ...ids] : ids;
  }

  /**
   * The rendered text is tokenized whole, as the model was trained. Only when a message spells a special token
   * (say `</s>`), that message is tokenized apart as plain text: what a person writes never becomes control.
   */
  #chatTokens(messages: Messages): Token[] {
    const forged = messages.map(({ content }) => this.#spellsSpecialToken(content));
    if (!forged.includes(true)) return this.#model.tokenize(this.#render(messages), true);
    const marked = messages.map((message, index) =>
      forged[index] === true ? { ...message, content: `${MARKER}${index}${MARKER}` } : message,
    );
    return this.#render(marked)
      .split(MARKER)
      .flatMap((piece, index) =>
        index % 2 === 0
          ? this.#model.tokenize(piece, true)
          : this.#model.tokenize(messages[Number(piece)]?.content ?? '', false, 'trimLeadingSpace'),
      );
  }

  #spellsSpecialToken(content: string): boolean {
    return (
      content.includes(MARKER) ||
      this.#model.tokenize(content, true).some((token) => this.#model.isSpecialToken(token))
    );
  }

  #render(messages: Messages): string {
    const { bosString, eosString } = this.#model.tokens;
    try {
      return inTime(() =>
        this.#compiled().render({
          messages,
          bos_token: bosString ?? '',
          eos_token: eosString ?? '',
          add_generation_prompt: true,
        }),
      );
    } catch (error) {
      if (error instanceof MixgateError) throw error;
      const isEndless = (error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
      throw new MixgateError(
        'INVALID_INPUT',
        isEndless
          ? `The model's chat template was not done after ${MOST_RENDER_MS / 1000} s.`
          : `The model's chat template refuses these messages: ${messageOf(error)}`,
      );
    }
  }

  #compiled(): Template {
    const source = this.#source ?? this.#model.fileInfo.metadata.tokenizer.chat_template;
    if (source === undefined || source === '')
      throw new MixgateError(
        'INVALID_INPUT',
        'This model has no chat template: send prompt.text instead of messages.',
      );
    return (this.#template ??= new Template(source));
  }
}
