import { eld } from 'eld/extrasmall';
import { languagesOf, scriptsOf, type Script } from './script.ts';

/** So close that short texts do not tell them apart. */
const SISTERS = [
  ['da', 'no', 'sv', 'is'],
  ['cs', 'sk'],
  ['hr', 'sl', 'sr'],
  ['es', 'ca', 'pt', 'gl', 'it'],
  ['hi', 'mr', 'ne'],
  ['ms', 'tl'],
  ['ru', 'be', 'bg', 'sr', 'mk'],
  ['ar', 'fa', 'ur', 'ku'],
] as const satisfies readonly (readonly string[])[];

/** What the detector calls by another name, or takes for its nearest relative. */
const AS: Readonly<Record<string, string>> = { id: 'ms', nb: 'no', nn: 'no', bs: 'hr', gl: 'pt', mk: 'bg' };

/** By how much, of the best score, a language's own score may stay behind, by the number of words seen. */
function allowedLag(words: number): number {
  if (words >= 8) return 0.1;
  if (words >= 6) return 0.15;
  return words === 5 ? 0.2 : 0.3;
}

/** Languages of the detector that are written in a script. */
export const DETECTED: readonly string[] = Object.values(eld.info().Languages);

const candidates = new Map<Script, ReadonlySet<string>>();

function candidatesOf(script: Script): ReadonlySet<string> {
  let set = candidates.get(script);
  if (set === undefined) {
    set = new Set(DETECTED.filter((language) => scriptsOf(language).has(script)));
    candidates.set(script, set);
  }
  return set;
}

/** Whether the letters alone do not say which language it is. */
export const isShared = (script: Script): boolean => script !== 'OTHER' && candidatesOf(script).size > 1;

interface Scores {
  readonly best: string | null;
  readonly of: Readonly<Record<string, number>>;
  readonly isReliable: boolean;
}

function scoresOf(text: string, script: Script): Scores {
  const result = eld.detect(text);
  const of: Record<string, number> = {};
  let best: string | null = null;
  for (const [language, score] of Object.entries(result.getScores())) {
    if (!candidatesOf(script).has(language)) continue;
    of[language] = score;
    if (best === null || score > of[best]!) best = language;
  }
  return { best, of, isReliable: result.isReliable() };
}

export interface Verdict {
  /** Null: nothing is clearly better than the language that was expected. */
  readonly foreign: string | null;
  /** How far the expected language stays behind, 0 to 1. */
  readonly lag: number;
  readonly isSure: boolean;
}

const OWN: Verdict = { foreign: null, lag: 0, isSure: false };

/** Whether words of a shared script are clearly not in the language that is expected. */
export function judge(words: readonly string[], script: Script, expected: string): Verdict {
  const own = AS[expected] ?? expected;
  if (words.length < 4 || !candidatesOf(script).has(own)) return OWN;
  const { best, of } = scoresOf(words.join(' '), script);
  if (best === null || best === own) return OWN;
  const lag = 1 - (of[own] ?? 0) / of[best]!;
  const areSisters = SISTERS.some(
    (family: readonly string[]) => family.includes(own) && family.includes(best),
  );
  const allowed = allowedLag(words.length) * (areSisters ? 2 : 1);
  return lag > allowed ? { foreign: best, lag, isSure: lag > 2 * allowed } : OWN;
}

/** A language that few words of a shared script speak for; null where they do not. `likely` is the one to believe when close. */
export function detect(text: string, script: Script, likely: string | null = null): string | null {
  if (script === 'OTHER') return null;
  if (!isShared(script)) return languagesOf(script)[0] ?? null;
  const { best, of, isReliable } = scoresOf(text, script);
  if (best === null) return script === 'Latin' ? null : (languagesOf(script)[0] ?? null);
  // A second script's languages are told by their letters.
  const usual = likely ?? (script === 'Latin' ? 'en' : best);
  const near = AS[usual] ?? usual;
  if ((of[near] ?? 0) >= of[best]! * (text.length > 12 ? 0.92 : 0.8)) return usual;
  return isReliable || script !== 'Latin' || text.length > 12 ? best : null;
}

/** Where in a row of words one language turns into another: the first word of the second. */
export function turningPoint(words: readonly string[], script: Script, from: string, to: string): number {
  const own = AS[from] ?? from;
  let sum = 0;
  let best = 0;
  let at = 0;
  for (const [index, word] of words.entries()) {
    if (sum < best) {
      best = sum;
      at = index;
    }
    const { of } = scoresOf(word, script);
    sum += (of[to] ?? 0) - (of[own] ?? 0);
  }
  return at;
}
