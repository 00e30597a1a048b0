import { MixgateError, fromWire } from '../errors.ts';
import type { Report } from '../protocol/frames.ts';
import type { ScorePart, ScoreRequest } from './backend.ts';
import type { Channel } from './channel.ts';

/**
 * One `score` exchange as a stream. Of progress only the newest is kept for a reader that was busy. A reader that
 * leaves early cancels and waits for the runtime's end, so that the slot is free.
 */
export async function* scoreOver(
  channel: Channel,
  resident: string,
  request: ScoreRequest,
  signal: AbortSignal,
): AsyncGenerator<ScorePart> {
  const inbox = new Inbox();
  const id = channel.open({ type: 'score', resident, ...asFrame(request) }, (report) => inbox.push(report));
  const cancel = () => channel.send({ type: 'cancel', id });
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    while (true) {
      const fraction = inbox.takeProgress();
      if (fraction !== null) yield { type: 'progress', fraction };
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

function asFrame({ text, contextSize, maxWindows, reference }: ScoreRequest) {
  const documents = 'text' in text ? text : { documents: text.documents.map((parts) => [...parts]) };
  return { text: documents, contextSize, maxWindows, reference };
}

function ending(report: Report | MixgateError): ScorePart {
  if (report instanceof MixgateError) throw report;
  if (report.type === 'error') throw fromWire(report.error);
  if (report.type !== 'scored')
    throw new MixgateError('INTERNAL', `A ${report.type} frame does not answer a score.`);
  const { reason, tokens, negativeLogLikelihood, klDivergence, sameTopToken } = report;
  return { type: 'end', reason, tokens, negativeLogLikelihood, klDivergence, sameTopToken };
}

class Inbox {
  ending: Report | MixgateError | null = null;
  #progress: number | null = null;
  #wake: (() => void) | null = null;

  push(report: Report | MixgateError): void {
    if (!(report instanceof MixgateError) && report.type === 'progress') this.#progress = report.fraction;
    else this.ending = report;
    this.#wake?.();
  }

  takeProgress(): number | null {
    const progress = this.#progress;
    this.#progress = null;
    return progress;
  }

  /** Resolves at the next push. Only called when nothing is there. */
  changed(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
