import { MixgateError, fromWire } from '../errors.ts';
import type { Report, ReportOf } from '../protocol/frames.ts';
import type { GenerationPart, Resident, RunRequest } from './backend.ts';
import type { Channel } from './channel.ts';
import { scoreOver } from './channel-score.ts';

export interface ChannelResidentHooks {
  /** As of `Resident`. */
  readonly gone: Promise<Error | null>;
  /** Told how many slots are in use. */
  readonly onBusy: (busySlots: number) => void;
  readonly unload: () => Promise<void>;
  /** The runtime takes `score`; false where left out. */
  readonly canScore?: boolean;
}

/** A model that a runtime at the other end of a channel has loaded; `loaded` is the report that said so. */
export function channelResident(
  channel: Channel,
  { id, contextSize, slots, verifiedBytes, measuredBytes }: ReportOf<'loaded'>,
  { gone, onBusy, unload, canScore = false }: ChannelResidentHooks,
): Resident {
  let busySlots = 0;
  async function* busy<Part>(parts: AsyncIterable<Part>): AsyncGenerator<Part> {
    onBusy(++busySlots);
    try {
      yield* parts;
    } finally {
      onBusy(--busySlots);
    }
  }
  return {
    slots,
    contextSize,
    verifiedBytes,
    measuredBytes,
    gone,
    generate: (request, signal) => busy(exchange(channel, id, request, signal)),
    ...(canScore && { score: (request, signal) => busy(scoreOver(channel, id, request, signal)) }),
    unload,
  };
}

/**
 * One `start` exchange as a stream. Parts that came while the reader was busy are merged: the queue holds one
 * text at most. A reader that leaves early cancels and waits for the runtime's end, so that the slot is free.
 */
async function* exchange(
  channel: Channel,
  resident: string,
  request: RunRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerationPart> {
  const inbox = new Inbox();
  const id = channel.open(
    {
      type: 'start',
      resident,
      prompt: 'text' in request.prompt ? request.prompt : { messages: [...request.prompt.messages] },
      sampling: request.sampling,
      contextSize: request.contextSize,
      maxTokens: request.maxTokens,
      stop: [...request.stop],
      jsonSchema: request.jsonSchema ?? null,
    },
    (report) => inbox.push(report),
  );
  const cancel = () => channel.send({ type: 'cancel', id });
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    while (true) {
      const text = inbox.takeText();
      if (text !== null) yield text;
      else if (inbox.ending !== null) {
        yield ending(inbox.ending);
        return;
      } else await inbox.changed();
    }
  } finally {
    signal.removeEventListener('abort', cancel);
    if (inbox.ending === null) cancel();
    while (inbox.ending === null) await inbox.changed();
  }
}

function ending(report: Report | MixgateError): GenerationPart {
  if (report instanceof MixgateError) throw report;
  if (report.type === 'error') throw fromWire(report.error);
  if (report.type !== 'end')
    throw new MixgateError('INTERNAL', `A ${report.type} frame does not belong here.`);
  return { type: 'end', reason: report.reason, usage: report.usage, timings: report.timings };
}

class Inbox {
  ending: Report | MixgateError | null = null;
  #text = '';
  #tokens = 0;
  #wake: (() => void) | null = null;

  push(report: Report | MixgateError): void {
    if (!(report instanceof MixgateError) && report.type === 'part') {
      this.#text += report.text;
      this.#tokens += report.tokens;
    } else {
      this.ending = report;
    }
    this.#wake?.();
  }

  takeText(): GenerationPart | null {
    if (this.#tokens === 0 && this.#text === '') return null;
    const part = { type: 'text', text: this.#text, tokens: this.#tokens } as const;
    this.#text = '';
    this.#tokens = 0;
    return part;
  }

  /** Resolves at the next push. Only called when nothing is there. */
  changed(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
