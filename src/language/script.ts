/** How a language is written. Kana is hiragana and katakana; what is in no table is OTHER. */
const SCRIPTS = {
  Latin: '\\p{Script=Latin}',
  Han: '\\p{Script=Han}',
  Kana: '\\p{Script=Hiragana}\\p{Script=Katakana}ー',
  Hangul: '\\p{Script=Hangul}',
  Cyrillic: '\\p{Script=Cyrillic}',
  Arabic: '\\p{Script=Arabic}',
  Greek: '\\p{Script=Greek}',
  Hebrew: '\\p{Script=Hebrew}',
  Devanagari: '\\p{Script=Devanagari}',
  Bengali: '\\p{Script=Bengali}',
  Thai: '\\p{Script=Thai}',
  Lao: '\\p{Script=Lao}',
  Armenian: '\\p{Script=Armenian}',
  Georgian: '\\p{Script=Georgian}',
  Ethiopic: '\\p{Script=Ethiopic}',
  Gujarati: '\\p{Script=Gujarati}',
  Gurmukhi: '\\p{Script=Gurmukhi}',
  Kannada: '\\p{Script=Kannada}',
  Malayalam: '\\p{Script=Malayalam}',
  Oriya: '\\p{Script=Oriya}',
  Tamil: '\\p{Script=Tamil}',
  Telugu: '\\p{Script=Telugu}',
} as const;

export type Script = keyof typeof SCRIPTS | 'OTHER';

const ENTRIES = Object.entries(SCRIPTS).map(
  ([script, range]) => [script as Script, new RegExp(`[${range}]`, 'u')] as const,
);

/** Letters, and the marks that sit on them. */
const LETTER = /[\p{L}\p{M}ー々〆]/u;
const MARK = /\p{M}/u;

/** By code point, as it was asked for: a text has few different characters. At most one entry per letter of Unicode. */
const known = new Map<number, Script | null>();

/** The script of a letter (or of a mark of that script); null for what is no letter, and for a mark of every script. */
export function scriptOf(codePoint: number): Script | null {
  const seen = known.get(codePoint);
  if (seen !== undefined) return seen;
  const character = String.fromCodePoint(codePoint);
  const named = LETTER.test(character) ? ENTRIES.find(([, pattern]) => pattern.test(character))?.[0] : null;
  const script = named === undefined ? (MARK.test(character) ? null : 'OTHER') : named;
  known.set(codePoint, script);
  return script;
}

/** What is written otherwise than in Latin letters. The first language of a script is the one meant where nothing tells more. */
const LANGUAGES_OF: Readonly<Partial<Record<Script, readonly string[]>>> = {
  Han: ['zh', 'ja'],
  Kana: ['ja'],
  Hangul: ['ko'],
  Cyrillic: ['ru', 'uk', 'bg', 'be', 'sr', 'mk', 'kk', 'ky', 'mn', 'tg'],
  Arabic: ['ar', 'fa', 'ur', 'ku', 'ps', 'sd', 'ug'],
  Greek: ['el'],
  Hebrew: ['he', 'yi'],
  Devanagari: ['hi', 'mr', 'ne', 'sa'],
  Bengali: ['bn', 'as'],
  Thai: ['th'],
  Lao: ['lo'],
  Armenian: ['hy'],
  Georgian: ['ka'],
  Ethiopic: ['am', 'ti'],
  Gujarati: ['gu'],
  Gurmukhi: ['pa'],
  Kannada: ['kn'],
  Malayalam: ['ml'],
  Oriya: ['or'],
  Tamil: ['ta'],
  Telugu: ['te'],
};

/** Written in Latin letters as well. */
const ALSO_LATIN: ReadonlySet<string> = new Set(['sr', 'ku']);

/** The languages of a script other than Latin, the likeliest first. */
export const languagesOf = (script: Script): readonly string[] => LANGUAGES_OF[script] ?? [];

/** The scripts that a language is written in. */
export function scriptsOf(language: string): ReadonlySet<Script> {
  const scripts = (Object.keys(LANGUAGES_OF) as Script[]).filter((script) =>
    languagesOf(script).includes(language),
  );
  return new Set(scripts.length === 0 || ALSO_LATIN.has(language) ? [...scripts, 'Latin'] : scripts);
}

/** Written without spaces between words. */
export const isUnspaced = (script: Script): boolean =>
  script === 'Han' || script === 'Kana' || script === 'Thai' || script === 'Lao';

export const isMark = (character: string): boolean => MARK.test(character);

export function lettersIn(text: string): number {
  let letters = 0;
  for (const character of text) if (scriptOf(character.codePointAt(0)!) !== null) letters++;
  return letters;
}

/** What a letter is worth, in words, where words are not set apart as in Latin script. */
const WORDS_PER_LETTER: Readonly<Partial<Record<Script, number>>> = {
  Han: 0.7,
  Kana: 0.4,
  Hangul: 0.4,
  Thai: 0.3,
  Lao: 0.3,
};

/** How much a word of a script says, in words of a script like Latin. */
export function wordsIn(text: string, script: Script): number {
  const perLetter = WORDS_PER_LETTER[script];
  return perLetter === undefined ? 1 : perLetter * lettersIn(text);
}
