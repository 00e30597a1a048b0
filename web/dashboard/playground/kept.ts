import type { Settings } from './settings.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { restored, type Turn } from './turn.ts';

export interface Kept {
  readonly settings: Settings;
  readonly turns: readonly Turn[];
}

const KEY = 'mixgate.playground.1';

/** Of this tab, from before it was loaded again. */
export function readKept(storage: Storage): Kept {
  try {
    const { settings, turns } = JSON.parse(storage.getItem(KEY) ?? '{}') as Partial<Kept>;
    return { settings: { ...DEFAULT_SETTINGS, ...settings }, turns: (turns ?? []).map(restored) };
  } catch {
    // Of another version, or cut off: a new page is better than none.
    return { settings: DEFAULT_SETTINGS, turns: [] };
  }
}

/** Text and position go in one write, so that what is resumed goes on exactly where the text ends. */
export function writeKept(storage: Storage, kept: Kept): void {
  try {
    storage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Full: without the talk before, the answer that is being written still survives.
    try {
      storage.setItem(KEY, JSON.stringify({ ...kept, turns: kept.turns.slice(-1) }));
    } catch {
      storage.removeItem(KEY);
    }
  }
}
