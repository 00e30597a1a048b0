import { hanLanguage } from './han.ts';
import type { Stretch } from './foreign-runs.ts';
import { wordsIn } from './script.ts';
import type { Word } from './token.ts';

/** 'either' could be both, and goes with what follows in its sentence. */
type Part = Stretch | 'own' | 'either';

/** Chinese or Japanese, whichever is not expected, in a clause of Han characters and kana; `before` is the language of the run it follows. */
export function clauseParts(clause: readonly Word[], expected: string, before: string | null): Part[] {
  return expected === 'ja' ? chineseIn(clause, before === 'zh') : japaneseIn(clause, before === 'ja');
}

function chineseIn(clause: readonly Word[], hasRun: boolean): Part[] {
  const hasKana = clause.some(({ script }) => script === 'Kana');
  return clause.map((word) => {
    if (word.script === 'Kana') return 'own';
    const language = hanLanguage(word.text, hasKana);
    if (language === 'ja') return 'own';
    // What could be either belongs to the Chinese that it follows, or comes before.
    return language === 'zh' || hasRun ? stretch(word, 'zh') : 'either';
  });
}

function japaneseIn(clause: readonly Word[], hasRun: boolean): Part[] {
  const kana = clause.reduce((sum, { script, text }) => sum + (script === 'Kana' ? text.length : 0), 0);
  const han = clause.map(({ script, text }) => (script === 'Han' ? text : '')).join('');
  const isChinese = hanLanguage(han, false) === 'zh';
  // One kana is an ornament in Chinese; one in many is a name.
  const isJapanese = kana >= 2 ? kana * 4 >= han.length || !isChinese : kana === 1 && !isChinese;
  if (isJapanese || (kana === 0 && hasRun && hanLanguage(han, false) !== 'zh' && han !== ''))
    return clause.map((word) => stretch(word, 'ja'));
  return ['own'];
}

export function stretch({ offset, end, script, text }: Word, language: string): Stretch {
  return { offset, end, script, language, weight: wordsIn(text, script) };
}
