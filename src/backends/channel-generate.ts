import type { Report } from '../protocol/frames.ts';
import type { GenerationPart, Prompt, RunRequest } from './backend.ts';
import type { Channel } from './channel.ts';
import { doesNotAnswer, exchange, type Inbox } from './channel-exchange.ts';

/** One `start` exchange as a stream. */
export function generateOver(
  channel: Channel,
  resident: string,
  request: RunRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerationPart> {
  const { prompt, sampling, contextSize, maxTokens, stop, jsonSchema, traceparent } = request;
  return exchange(
    channel,
    {
      type: 'start',
      resident,
      prompt: promptFrame(prompt),
      sampling,
      contextSize,
      maxTokens,
      stop: [...stop],
      jsonSchema: jsonSchema ?? null,
      ...(traceparent !== undefined && { traceparent }),
    },
    new TextInbox(),
    signal,
  );
}

export const promptFrame = (prompt: Prompt) =>
  'text' in prompt ? prompt : { messages: [...prompt.messages] };

/** Parts that came while the reader was busy are one text. */
class TextInbox implements Inbox<GenerationPart> {
  #text = '';
  #tokens = 0;
  readonly #tokenIds: number[] = [];

  keep(report: Report): boolean {
    if (report.type !== 'part') return false;
    this.#text += report.text;
    this.#tokens += report.tokens;
    for (const tokenId of report.tokenIds ?? []) this.#tokenIds.push(tokenId);
    return true;
  }

  take(): GenerationPart | null {
    if (this.#tokens === 0 && this.#text === '') return null;
    const tokenIds = this.#tokenIds.splice(0);
    const known = tokenIds.length === this.#tokens ? { tokenIds } : {};
    const part = { type: 'text', text: this.#text, tokens: this.#tokens, ...known } as const;
    this.#text = '';
    this.#tokens = 0;
    return part;
  }

  ending(report: Report): GenerationPart {
    if (report.type !== 'end') throw doesNotAnswer(report, 'start');
    const { reason, usage, timings, memoryBytes } = report;
    return { type: 'end', reason, usage, timings, ...(memoryBytes === undefined ? {} : { memoryBytes }) };
  }
}
