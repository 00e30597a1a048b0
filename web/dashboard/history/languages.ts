/** What answers are told apart by, ISO 639-1: the languages that the gateway's detector knows. */
const CODES =
  'am ar az be bg bn ca cs da de el en es et eu fa fi fr gu he hi hr hu hy is it ja ka kn ko ku lo lt lv ml mr ms nl no or pa pl pt ro ru sk sl sq sr sv ta te th tl tr uk ur vi yo zh';

/** With their names in the language of the page, in its order. */
export function languageNames(speech: string): (readonly [code: string, name: string])[] {
  const names = new Intl.DisplayNames(speech, { type: 'language' });
  return CODES.split(' ')
    .map((code) => [code, names.of(code) ?? code] as const)
    .toSorted(([, one], [, other]) => one.localeCompare(other, speech));
}
