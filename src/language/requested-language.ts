import { DETECTED } from './detector.ts';

/** Other names that people use, by language of the request. */
const MORE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  en: { mandarin: 'zh', cantonese: 'zh', farsi: 'fa', indonesian: 'id', flemish: 'nl', norwegian: 'no' },
  ja: {
    英文: 'en',
    和文: 'ja',
    中文: 'zh',
    北京語: 'zh',
    インドネシア語: 'id',
    英: 'en',
    和: 'ja',
    仏: 'fr',
    独: 'de',
  },
  zh: {
    英文: 'en',
    英語: 'en',
    日文: 'ja',
    日語: 'ja',
    中文: 'zh',
    汉语: 'zh',
    漢語: 'zh',
    普通话: 'zh',
    韩文: 'ko',
    韓文: 'ko',
    韓語: 'ko',
    法文: 'fr',
    法語: 'fr',
    德文: 'de',
    德語: 'de',
    俄文: 'ru',
    俄語: 'ru',
    西班牙文: 'es',
    阿拉伯文: 'ar',
  },
  ko: { 한국말: 'ko', 일본말: 'ja', 중국말: 'zh', 영문: 'en' },
};

/** "in Japanese", and not "in Japanese mythology". */
const AS_A_NOUN =
  '(?=\\s*(?:[^\\s\\p{L}]|$)|\\s+(?:about|and|or|with|using|for|on|to|the|an?|please|only|that|so|how|why|what|then|as|instead|at|from|this|these|my|your|in|is|text|even|when)›)';

/** Where a request stands around the name of a language, which is `§`; ‹ and › are the ends of a word. */
const REQUESTS: Readonly<Record<string, readonly string[]>> = {
  en: [
    '‹(?:answer|repl(?:y|ies)|respond|responses?|write|rewrite|speak|talk|output|compose|generate|continue|summari[sz]e|explain|describe|list)›[^.!?\\n]{0,60}?‹in (?:[a-z]+ )?§' +
      AS_A_NOUN,
    '‹(?:translat[a-z]*|render|convert|rewrite|put)›[^.!?\\n]{0,80}?‹(?:in)?to (?:[a-z]+ )?§›',
    '(?:^|[.!?\\n]\\s*)(?:please )?in (?:[a-z]+ )?§,? (?:please|explain|write|describe|answer|tell|list|summari[sz]e)›',
    '(?:^|[.!?,(\\n]\\s*)(?:only |please )?in § ?(?:only|please)?[.!)]?\\s*$',
    '‹use (?:only )?§(?: only)?(?= for| in|[.!\\n]|$)',
  ],
  ja: [
    '§(?:だけ|のみ)?で(?:の)?[、,]?(?!は)[^。！？\\n]{0,24}?(?:答え|回答|返答|返事|返信|応答|書い|書き|説明|解説|教え|出力|述べ|要約|話し|話せ|記述|作成|まとめ|お願い|紹介)',
    '§(?:に|へ)[^。！？\\n]{0,12}?(?:訳|翻訳|直し|変換|書き換え)',
    '§訳(?:を|し|に|せ)',
    '§で(?:お願いします)?[。！!]?\\s*$',
  ],
  zh: [
    '(?:用|以|使用)§(?:来|來)?[^。！？\\n]{0,20}?(?:回答|回复|回覆|答复|写|寫|解释|解釋|说明|說明|作答|输出|輸出|介绍|介紹|总结|總結|描述|告诉|告訴|讲|講)',
    '(?:翻译|翻譯|译|譯)[^。！？\\n]{0,30}?(?:成|为|為|到|至)§',
    '(?:请|請)(?:用|以|使用)§',
  ],
  ko: ['§(?:로|으로)(?:만)?[^.!?\\n]{0,24}?(?:답|대답|응답|작성|설명|번역|써|쓰|말해|옮겨|요약|알려)'],
  de: [
    '‹(?:antwort|schreib|übersetz|erklär|beantwort|fass|formulier|sprich|sprech|beschreib|gib)\\p{L}*[^.!?\\n]{0,60}?‹(?:auf|ins|in) §',
  ],
  fr: ['(?:répon|écri|tradui|expliqu|résum|rédig|décri|parle)\\p{L}*[^.!?\\n]{0,60}?‹en §'],
  es: [
    '(?:respond|contest|escrib|traduc|traduz|explic|resum|habl|describ)\\p{L}*[^.!?\\n]{0,60}?‹(?:en|al) §',
  ],
  it: ['(?:rispond|scriv|traduc|spieg|riassum|parl|descriv)\\p{L}*[^.!?\\n]{0,60}?‹in §'],
  pt: ['(?:respond|escrev|traduz|expli|resum|fal|descrev)\\p{L}*[^.!?\\n]{0,60}?‹(?:em|para(?: o)?) §'],
  nl: ['(?:antwoord|schrijf|vertaal|leg|beschrijf)\\p{L}*[^.!?\\n]{0,60}?‹(?:in het|naar het) §'],
  ru: ['(?:ответ|отвеч|напиш|перевед|перевест|объясн|расскаж|говор|опиш)\\p{L}*[^.!?\\n]{0,60}? на §'],
  ar: [
    '(?:أجب|اجب|اكتب|ترجم|اشرح|أجبني|تحدث|لخص)[^.!?؟\\n]{0,60}?(?:باللغة |إلى اللغة |ب|إلى |الى |لل)(?:ال)?§',
  ],
};

/** "Do not answer in …". */
const NOT =
  /(?:\b(?:not|don't|don’t|never|without|nicht|pas|no|não|non)\s+(?:\p{L}+\s+)?|не |不要|别|別|لا )$/iu;
const NOT_AFTER = /^[^。\n]{0,12}(?:ないで|しないで|禁止|なくて)/u;

interface Rule {
  readonly pattern: RegExp;
  readonly codes: ReadonlyMap<string, string>;
}

let rules: readonly Rule[] | null = null;

/** The language that a prompt asks to be answered in, the last one if it asks for several; null when it does not ask. */
export function requestedLanguage(text: string): string | null {
  rules ??= makeRules();
  let at = -1;
  let requested: string | null = null;
  for (const { pattern, codes } of rules)
    for (const match of text.matchAll(pattern)) {
      const name = match.groups?.['name'];
      const before = text.slice(Math.max(0, match.index - 20), match.index);
      const after = text.slice(match.index + match[0].length);
      if (name === undefined || match.index < at || NOT.test(before) || NOT_AFTER.test(after)) continue;
      at = match.index;
      requested = codes.get(name.toLowerCase()) ?? null;
    }
  return requested;
}

function makeRules(): Rule[] {
  return Object.entries(REQUESTS).flatMap(([language, patterns]) => {
    const codes = namesIn(language);
    const names = [...codes.keys()].sort((a, b) => b.length - a.length);
    return patterns.map((pattern) => {
      const source = pattern.replace('§', `(?<name>${names.join('|')})`);
      return { pattern: new RegExp(unicodeWords(source), 'giu'), codes };
    });
  });
}

/** `\b` knows only ASCII. */
const unicodeWords = (source: string): string =>
  source.replaceAll('‹', '(?<!\\p{L})').replaceAll('›', '(?!\\p{L})');

/** How a language is called in another, lower case, as Unicode has it and as people say. */
function namesIn(language: string): ReadonlyMap<string, string> {
  const unicode = new Intl.DisplayNames(language, { type: 'language', fallback: 'none' });
  const names = new Map<string, string>();
  for (const code of [...DETECTED, 'id']) {
    const name = unicode.of(code)?.toLowerCase();
    if (name !== undefined) names.set(stem(language, name), code);
  }
  for (const [name, code] of Object.entries(MORE[language] ?? {})) names.set(name, code);
  return names;
}

/** What stays the same in each case of a name. */
function stem(language: string, name: string): string {
  if (language === 'ru') return name.replace(/ий$/, '');
  return language === 'ar' ? name.replace(/^ال/, '') : name;
}
