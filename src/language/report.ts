export interface LanguageShare {
  /** ISO 639-1. */
  readonly language: string;
  /** Of the words whose language is known, 0 to 1; a Han character is 0.7 words, a kana 0.4. */
  readonly share: number;
}

export interface ForeignFragment {
  /** UTF-16 units from the start of the answer. */
  readonly offset: number;
  readonly length: number;
  readonly text: string;
  /** ISO 639-1; null when undetermined. */
  readonly language: string | null;
}

/** Which languages an answer is written in, and whether it left the one that was expected. */
export interface LanguageReport {
  /** ISO 639-1; null when undetermined. */
  readonly promptLanguage: string | null;
  /** What the prompt asks to be answered in, or else its own language. */
  readonly expectedLanguage: string | null;
  readonly answerLanguage: string | null;
  /** Most first. */
  readonly languages: readonly LanguageShare[];
  /** Share of the answer's letters in the scripts of the expected language; 1 where nothing is expected or written. */
  readonly consistency: number;
  /** Where the answer first leaves the expected language for a run of words, UTF-16 units; null when it does not. */
  readonly driftOffset: number | null;
  /** What is in other languages, a single word or the rest of the answer; in the order of the text. */
  readonly foreignFragments: readonly ForeignFragment[];
}
