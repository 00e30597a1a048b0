import type { Log, LogEvents } from '../../src/log.ts';

/** A log that keeps what it is told. */
export function recordingLog() {
  const events: { event: keyof LogEvents; fields: Record<string, unknown> }[] = [];
  const record: Log['info'] = (event, fields) => void events.push({ event, fields: { ...fields } });
  const log: Log = { debug: record, info: record, warn: record, error: record };
  const rejected = () =>
    events.filter(({ event }) => event === 'catalog.rejected').map(({ fields }) => fields);
  return { log, events, rejected };
}
