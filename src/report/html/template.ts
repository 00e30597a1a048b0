import { escapeUTF8 } from 'entities/escape';

/** Text that is markup already. Only `html` makes it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | number | Markup | null | readonly Content[];

/** Markup in which everything put in is text, unless it is markup already; null is nothing. Attributes need quotes. */
export function html(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  const parts = contents.map((content, index) => escaped(content) + strings[index + 1]!);
  return new Markup(strings[0]! + parts.join(''));
}

function escaped(content: Content): string {
  if (content === null) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(escaped).join('');
  return escapeUTF8(String(content));
}
