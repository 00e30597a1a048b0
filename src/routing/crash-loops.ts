import type { Plan } from './plan.ts';

/** That a runtime died by itself. */
export interface Crash {
  readonly reason: string;
  /** 0 to 1, drawn where the event was made: the pauses of several variants shall not end together. */
  readonly random: number;
}

/** Crashes in a row of one variant on one device; an answer that completes ends the row. */
export interface CrashRecord {
  readonly variantId: string;
  readonly deviceId: string;
  readonly crashes: number;
  /** Why the last one was. */
  readonly reason: string;
  /** When the last one was, milliseconds. */
  readonly at: number;
  /** Nothing is loaded before, milliseconds; not later than `at` for the first crashes. */
  readonly until: number;
}

type Subject = Pick<Plan, 'variantId' | 'deviceId'>;

/** From so many crashes in a row on, the next load waits. */
export const LOOP_CRASHES = 3;
/** The first wait; it doubles with each crash. */
const FIRST_MS = 2000;
const MOST_MS = 5 * 60_000;
/** A crash so long after the one before, or after the end of its wait, is the first of a new row. */
const FORGOTTEN_MS = 10 * 60_000;
/** Part of a wait that is left to chance. */
const JITTER = 0.25;

const isOf = (record: CrashRecord, { variantId, deviceId }: Subject): boolean =>
  record.variantId === variantId && record.deviceId === deviceId;

/** With one crash more; rows that are long over are forgotten. */
export function withCrash(
  records: readonly CrashRecord[],
  { variantId, deviceId }: Subject,
  { reason, random }: Crash,
  at: number,
): readonly CrashRecord[] {
  const recent = records.filter(({ until }) => at - until <= FORGOTTEN_MS);
  const before = recent.find((record) => isOf(record, { variantId, deviceId }));
  const crashes = (before?.crashes ?? 0) + 1;
  const waitMs =
    crashes < LOOP_CRASHES
      ? 0
      : Math.min(MOST_MS, FIRST_MS * 2 ** (crashes - LOOP_CRASHES)) * (1 - JITTER * random);
  const record = { variantId, deviceId, crashes, reason, at, until: at + Math.ceil(waitMs) };
  return [...recent.filter((each) => each !== before), record];
}

/** It has answered: the row has ended. */
export const withoutCrashes = (records: readonly CrashRecord[], subject: Subject): readonly CrashRecord[] =>
  records.filter((record) => !isOf(record, subject));

/** Why a variant is not loaded on a device now; undefined where it may be. */
export const crashLoop = (
  records: readonly CrashRecord[],
  subject: Subject,
  at: number,
): CrashRecord | undefined => records.find((record) => isOf(record, subject) && at < record.until);

/** Variants that have crashed often enough to be waited with, and not answered since. */
export const crashLoops = (records: readonly CrashRecord[]): readonly CrashRecord[] =>
  records.filter(({ crashes }) => crashes >= LOOP_CRASHES);
