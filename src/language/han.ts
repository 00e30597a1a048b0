/**
 * Chinese or Japanese, for text without kana: by what the national standards hold. A character that GB 2312 or Big5 has
 * and JIS X 0208 lacks is Chinese (们, 说, 說); one of JIS's first level that both lack is Japanese (気, 働, 込).
 */
interface HanEvidence {
  /** Characters that Japanese does not have. */
  readonly chinese: number;
  /** Characters that are common in Chinese and rare in Japanese, and words of Chinese grammar. */
  readonly likelyChinese: number;
  /** Characters that Chinese does not have. */
  readonly japanese: number;
}

type Kind = 'chinese' | 'likelyChinese' | 'japanese';

/** Grammar that Japanese writes in kana. */
const GRAMMAR = '的是了在我她它你您也很還还這这那嗎吗呢吧啊沒没';

let table: ReadonlyMap<string, Kind> | null = null;

function hanEvidence(text: string): HanEvidence {
  table ??= makeTable();
  const evidence = { chinese: 0, likelyChinese: 0, japanese: 0 };
  for (const character of text) {
    const kind = table.get(character);
    if (kind !== undefined) evidence[kind]++;
  }
  return evidence;
}

function makeTable(): ReadonlyMap<string, Kind> {
  const jisFirst = decoded('shift_jis', [0x88, 0x98], [0x40, 0xfc]);
  const jis = decoded('shift_jis', [0x88, 0xea], [0x40, 0xfc]);
  const gb = decoded('gbk', [0xb0, 0xf7], [0xa1, 0xfe]);
  const big5 = decoded('big5', [0xa4, 0xf9], [0x40, 0xfe]);
  const common = new Set([
    ...decoded('gbk', [0xb0, 0xd7], [0xa1, 0xfe]),
    ...decoded('big5', [0xa4, 0xc6], [0x40, 0xfe]),
  ]);
  const kinds = new Map<string, Kind>();
  for (const character of jisFirst)
    if (!gb.has(character) && !big5.has(character)) kinds.set(character, 'japanese');
  for (const character of new Set([...gb, ...big5]))
    if (!jis.has(character)) kinds.set(character, 'chinese');
    else if (!jisFirst.has(character) && common.has(character)) kinds.set(character, 'likelyChinese');
  for (const character of GRAMMAR)
    if (kinds.get(character) !== 'chinese') kinds.set(character, 'likelyChinese');
  return kinds;
}

/** The Han characters of a double-byte encoding between two lead and two trail bytes. */
function decoded(
  encoding: string,
  [firstLead, lastLead]: readonly [number, number],
  [firstTrail, lastTrail]: readonly [number, number],
): ReadonlySet<string> {
  const decoder = new TextDecoder(encoding);
  const characters = new Set<string>();
  for (let lead = firstLead; lead <= lastLead; lead++)
    for (let trail = firstTrail; trail <= lastTrail; trail++) {
      const character = decoder.decode(new Uint8Array([lead, trail]));
      if (/^\p{Script=Han}$/u.test(character)) characters.add(character);
    }
  return characters;
}

/** A run with kana beside it is Japanese unless much says otherwise. Null: it could be either. */
export function hanLanguage(text: string, hasKana: boolean): 'zh' | 'ja' | null {
  const { chinese, likelyChinese, japanese } = hanEvidence(text);
  if (hasKana) return text.length >= 5 && chinese >= 2 && chinese > japanese ? 'zh' : 'ja';
  if (japanese > chinese) return 'ja';
  if (chinese >= 2 || (chinese === 1 && likelyChinese >= 1) || (chinese === 1 && text.length <= 3))
    return 'zh';
  return likelyChinese >= 2 && text.length >= 5 ? 'zh' : null;
}
