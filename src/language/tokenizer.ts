import { splitChunk } from './chunk.ts';
import { isMark, isUnspaced, scriptOf, type Script } from './script.ts';
import type { Token } from './token.ts';

const STOPS = new Set('.!?。！？؟।…｡');
const MARKS = new Set(',;:、，；：،؛・|*~<>');
const OPEN = new Set('(（「『“„«《【[［〈‹');
const CLOSE = new Set(')）」』”»》】]］〉›');
/** What stands inside names, addresses, paths and numbers of Latin letters. */
const TECHNICAL = /[0-9_./:\\\-@#$%&=?+'’]/;
const JOINERS = new Set(["'", '’', '-', '\u200c', '\u200d', '·']);

/** Text without spaces is told in pieces of at most so many units. */
const MAX_UNSPACED = 32;

/**
 * Cuts a text into tokens, however it comes in pieces: each character is looked at once, and what is not decided yet is
 * all that is kept. Tells every token as soon as it has ended.
 */
export class Tokenizer {
  readonly #tell: (token: Token) => void;
  #offset = 0;
  /** The first half of a character that a piece ended in. */
  #half = '';
  #chunk = '';
  #chunkOffset = 0;
  #chunkScript: Script | null = null;
  #isLineStart = true;
  #ticks = 0;
  /** Backticks that end the code it is in; 0 outside. */
  #code = 0;
  #isFence = false;
  #isQuoted = false;

  constructor(tell: (token: Token) => void) {
    this.#tell = tell;
  }

  push(piece: string): void {
    const text = this.#half + piece;
    this.#half = '';
    for (let index = 0; index < text.length;) {
      const codePoint = text.codePointAt(index)!;
      if (codePoint >= 0xd800 && codePoint < 0xdc00 && index === text.length - 1) {
        this.#half = text.slice(index);
        return;
      }
      const character = String.fromCodePoint(codePoint);
      this.#take(character, codePoint);
      this.#offset += character.length;
      index += character.length;
    }
  }

  end(): void {
    if (this.#half !== '') this.#take(this.#half, 0xfffd);
    this.#offset += this.#half.length;
    this.#half = '';
    this.#endTicks();
    this.#flush();
    this.#tell({ type: 'line', offset: this.#offset });
  }

  #take(character: string, codePoint: number): void {
    if (character === '`') {
      this.#flush();
      this.#ticks++;
      return;
    }
    if (this.#ticks > 0) this.#endTicks();
    if (character === '\n') this.#newLine();
    else if (this.#code === 0) this.#takeText(character, codePoint);
    if (character !== '\n' && character !== ' ' && character !== '\t') this.#isLineStart = false;
  }

  #endTicks(): void {
    const ticks = this.#ticks;
    this.#ticks = 0;
    if (ticks === 0) return;
    if (this.#code === 0) {
      this.#code = ticks;
      this.#isFence = ticks >= 3 && this.#isLineStart;
      this.#tell({ type: 'skipped', offset: this.#offset });
    } else if (this.#isFence ? ticks >= this.#code && this.#isLineStart : ticks === this.#code)
      this.#code = 0;
    this.#isLineStart = false;
  }

  #newLine(): void {
    this.#flush();
    // A span that nothing closes is a stray backtick: it hides the rest of its line, and no more.
    if (!this.#isFence) this.#code = 0;
    if (this.#code === 0) {
      this.#isFence = false;
      this.#isQuoted = false;
      this.#tell({ type: 'line', offset: this.#offset });
    }
    this.#isLineStart = true;
  }

  #takeText(character: string, codePoint: number): void {
    const script = scriptOf(codePoint) ?? this.#joined(character);
    if (script !== null) {
      if (script !== this.#chunkScript) this.#flush();
      if (this.#chunk === '') this.#chunkOffset = this.#offset;
      this.#chunk += character;
      this.#chunkScript = script;
      if (isUnspaced(script) && this.#chunk.length >= MAX_UNSPACED) this.#flush();
      return;
    }
    this.#flush();
    this.#punctuation(character);
  }

  /** The script that a character which is no letter goes with, if it can be part of a chunk. */
  #joined(character: string): Script | null {
    if (TECHNICAL.test(character)) {
      const isOfLatin = this.#chunkScript === null || this.#chunkScript === 'Latin';
      if (isOfLatin) return 'Latin';
    }
    if (isMark(character)) return this.#chunkScript;
    return JOINERS.has(character) && this.#chunkScript !== 'Han' ? this.#chunkScript : null;
  }

  #punctuation(character: string): void {
    const offset = this.#offset;
    if (STOPS.has(character)) this.#tell({ type: 'stop', offset });
    else if (OPEN.has(character)) this.#tell({ type: 'open', offset });
    else if (CLOSE.has(character)) this.#tell({ type: 'close', offset });
    else if (MARKS.has(character)) this.#tell({ type: 'mark', offset });
    else if (character === '"') {
      this.#tell({ type: this.#isQuoted ? 'close' : 'open', offset });
      this.#isQuoted = !this.#isQuoted;
    } else if (!/\s/.test(character)) this.#tell({ type: 'skipped', offset });
  }

  #flush(): void {
    const [chunk, offset, script] = [this.#chunk, this.#chunkOffset, this.#chunkScript];
    this.#chunk = '';
    this.#chunkScript = null;
    if (chunk === '' || script === null) return;
    for (const token of splitChunk(chunk, offset, script)) this.#tell(token);
  }
}
