import { MixgateError, fromWire } from '../errors.ts';
import type { Command, Report } from '../protocol/frames.ts';
import type { Channel, WithoutId } from './channel.ts';

/** What came of an exchange and was not read yet, put together: a reader that was busy finds one part at most. */
export interface Inbox<Part> {
  /** Keeps a report that is on the way to the end; false for one that is not. */
  keep(report: Report): boolean;
  /** Null where there is nothing. */
  take(): Part | null;
  /** The last part. @throws INTERNAL for a report that does not end such an exchange */
  ending(report: Report): Part;
}

/**
 * One exchange as a stream. A reader that leaves early cancels and waits for the runtime's end, so that the slot is
 * free.
 */
export async function* exchange<Part>(
  channel: Channel,
  command: WithoutId<Command>,
  inbox: Inbox<Part>,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  let ending: Report | MixgateError | null = null;
  let wake: () => void = () => undefined;
  const id = channel.open(command, (report) => {
    if (report instanceof MixgateError || !inbox.keep(report)) ending = report;
    wake();
  });
  /** At the next report. Only called when nothing is there. */
  const changed = () => new Promise<void>((resolve) => (wake = resolve));
  const cancel = () => channel.send({ type: 'cancel', id });
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    while (true) {
      const part = inbox.take();
      if (part !== null) yield part;
      else if (ending !== null) {
        yield lastPart(ending, inbox);
        return;
      } else await changed();
    }
  } finally {
    signal.removeEventListener('abort', cancel);
    if (ending === null) cancel();
    while (ending === null) await changed();
  }
}

function lastPart<Part>(report: Report | MixgateError, inbox: Inbox<Part>): Part {
  if (report instanceof MixgateError) throw report;
  if (report.type === 'error') throw fromWire(report.error);
  return inbox.ending(report);
}

export const doesNotAnswer = (report: Report, command: Command['type']): MixgateError =>
  new MixgateError('INTERNAL', `A ${report.type} frame does not answer a ${command}.`);
