const LENGTH = 160;
const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** How a text begins, in a line; cut where a character ends as people see it. */
export function excerptOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (line.length <= LENGTH) return line;
  return `${line.slice(0, characters.segment(line).containing(LENGTH)!.index)}…`;
}
