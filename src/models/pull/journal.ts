import { readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';

const whole = z.number().int().nonnegative();

const journalSchema = z.object({
  /** Which file it is of. */
  file: z.string(),
  sizeBytes: whole.nullable(),
  validator: z.string().nullable(),
  ranges: z.array(z.tuple([whole, whole]).readonly()).readonly(),
});

/** Which bytes of a part are there; kept beside it. */
export type Journal = Readonly<z.output<typeof journalSchema>>;

const journalOf = (part: string): string => `${part}.json`;

/** Null where nothing was begun, or where it claims what cannot be: then the part is begun anew. */
export function readJournal(part: string): Journal | null {
  try {
    const journal = journalSchema.parse(JSON.parse(readFileSync(journalOf(part), 'utf8')));
    const { size } = statSync(part);
    return journal.ranges.every(([start, end]) => start < end && end <= size) ? journal : null;
  } catch {
    return null;
  }
}

/** @throws what writing throws */
export const writeJournal = (part: string, journal: Journal): Promise<void> =>
  writeFileAtomic(journalOf(part), JSON.stringify(journal));

export const removeJournal = (part: string): Promise<void> => rm(journalOf(part), { force: true });
