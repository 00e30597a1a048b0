import type { Script } from './script.ts';
import type { Token } from './token.ts';

/** Longer, and it is no word of any language. */
const MAX_WORD = 60;

const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/|www\.|mailto:|[.~]?\/|[A-Za-z]:\\)/i;
const IDENTIFIER = /[0-9_@#$%&=+\\]|\p{Ll}\p{Lu}|::|\/.*\//u;
const ACRONYM = /^(?:\p{Lu}{2,6}s?|[A-HJ-Z])$/u;
const DOTTED = /^(?:\p{L}\.)+\p{L}?$|\p{L}\.\p{Ll}/u;

/** The tokens of a run of letters of one script; of Latin ones with what names, addresses and numbers are made of. */
export function splitChunk(chunk: string, offset: number, script: Script): Token[] {
  if (script !== 'Latin') return wordsIn(chunk, offset, script);
  const start = /^[^\p{L}0-9/~\\$@#]*/u.exec(chunk)![0].length;
  const end = lastLetter(chunk);
  if (start >= end) return tail(chunk, 0, offset);
  const core = chunk.slice(start, end);
  return [...tokensOf(core, offset + start), ...tail(chunk, end, offset)];
}

function lastLetter(chunk: string): number {
  let end = chunk.length;
  while (end > 0 && /[./:\\\-@#$%&=?+'’_]/.test(chunk[end - 1]!)) end--;
  return end;
}

function tokensOf(core: string, offset: number): Token[] {
  const skipped: Token[] = [{ type: 'skipped', offset }];
  if (core.length > MAX_WORD || ADDRESS.test(core)) return skipped;
  // "end.Next": a space is missing.
  const glued = /^(\p{L}{2,})[.?:](\p{Lu}.*)$/u.exec(core);
  if (glued !== null && !IDENTIFIER.test(core.replace(/[.?:]\p{Lu}/u, ' '))) {
    const at = offset + glued[1]!.length;
    return [...tokensOf(glued[1]!, offset), { type: 'stop', offset: at }, ...tokensOf(glued[2]!, at + 1)];
  }
  if (IDENTIFIER.test(core) || DOTTED.test(core)) return skipped;
  return wordsIn(core, offset, 'Latin');
}

function wordsIn(text: string, offset: number, script: Script): Token[] {
  const tokens: Token[] = [];
  const pattern = script === 'Latin' ? /[^/.:?]+/g : /[^]+/g;
  for (const match of text.matchAll(pattern)) {
    const word = match[0].replace(/['’\-·\u200c\u200d]+$/, '');
    const at = offset + match.index;
    if (word === '') continue;
    if (script === 'Latin' && ACRONYM.test(word)) tokens.push({ type: 'skipped', offset: at });
    else
      tokens.push({
        type: 'word',
        offset: at,
        end: at + word.length,
        text: word,
        script,
        isCapital: /^\p{Lu}/u.test(word),
      });
  }
  return tokens;
}

/** What ends a sentence, or a part of one, behind a word. */
function tail(chunk: string, from: number, offset: number): Token[] {
  const rest = chunk.slice(from);
  if (/[.?]/.test(rest)) return [{ type: 'stop', offset: offset + from }];
  return rest.includes(':') ? [{ type: 'mark', offset: offset + from }] : [];
}
