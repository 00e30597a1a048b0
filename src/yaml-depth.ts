import { Lexer, Parser } from 'yaml';

/** No file of ours nests deeper. */
const MAX_DEPTH = 64;

/**
 * Whether a YAML or JSON text nests deeper than any that is meant for us. yaml's composer calls itself for each level:
 * at a few thousand V8 finds no stack left to compile a regular expression, and ends the whole process. Its parser keeps a
 * stack of its own, so that this costs nothing of ours.
 */
export function isTooDeep(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    // Its tokens are not needed: only how many of them are open.
    for (const token of parser.next(lexeme)) void token;
    if (parser.stack.length > MAX_DEPTH) return true;
  }
  return false;
}
