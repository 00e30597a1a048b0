/** Levels that a value from outside may have. */
export const MAX_DEPTH = 100;

/**
 * Whoever writes JSON calls itself for each level, and runs out of stack at some thousands: such a value can be read, but
 * neither sent on nor kept. Looks level by level, so that looking does not nest either.
 */
export function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((each): unknown[] =>
      typeof each === 'object' && each !== null ? Object.values(each) : [],
    );
    if (level.length === 0) return true;
  }
  return false;
}
