import type { Report } from '../protocol/frames.ts';
import type { ScorePart, ScoreRequest } from './backend.ts';
import type { Channel } from './channel.ts';
import { doesNotAnswer, exchange, type Inbox } from './channel-exchange.ts';

/** One `score` exchange as a stream. */
export function scoreOver(
  channel: Channel,
  resident: string,
  { text, contextSize, maxWindows, reference }: ScoreRequest,
  signal: AbortSignal,
): AsyncGenerator<ScorePart> {
  const documents = 'text' in text ? text : { documents: text.documents.map((parts) => [...parts]) };
  const frame = { type: 'score', resident, text: documents, contextSize, maxWindows, reference } as const;
  return exchange(channel, frame, new ProgressInbox(), signal);
}

/** Of progress only the newest is kept for a reader that was busy. */
class ProgressInbox implements Inbox<ScorePart> {
  #fraction: number | null = null;

  keep(report: Report): boolean {
    if (report.type !== 'progress') return false;
    this.#fraction = report.fraction;
    return true;
  }

  take(): ScorePart | null {
    const fraction = this.#fraction;
    this.#fraction = null;
    return fraction === null ? null : { type: 'progress', fraction };
  }

  ending(report: Report): ScorePart {
    if (report.type !== 'scored') throw doesNotAnswer(report, 'score');
    const { reason, tokens, negativeLogLikelihood, klDivergence, sameTopToken } = report;
    return { type: 'end', reason, tokens, negativeLogLikelihood, klDivergence, sameTopToken };
  }
}
