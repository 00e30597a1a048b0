import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react';
import { en, type Texts } from './en.ts';
import { formatsOf, type Formats } from './formats.ts';
import { ja } from './ja.ts';

const LANGUAGES = { en: { name: 'English', texts: en }, ja: { name: '日本語', texts: ja } } as const;
export type Language = keyof typeof LANGUAGES;
export const LANGUAGE_NAMES = Object.entries(LANGUAGES).map(
  ([id, { name }]) => [id as Language, name] as const,
);

const KEY = 'mixgate.language';

interface Speech {
  readonly language: Language;
  readonly texts: Texts;
  readonly formats: Formats;
  readonly speak: (language: Language) => void;
}

const SpeechContext = createContext<Speech | null>(null);

const isLanguage = (value: string | null): value is Language => value !== null && value in LANGUAGES;

/** What was chosen here before, else the first of the browser's languages that we have. */
function firstLanguage(): Language {
  const chosen = localStorage.getItem(KEY);
  if (isLanguage(chosen)) return chosen;
  return navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage) ?? 'en';
}

export function Speaking({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const speech = useMemo(
    () => ({
      language,
      texts: LANGUAGES[language].texts,
      formats: formatsOf(language),
      speak(chosen: Language) {
        localStorage.setItem(KEY, chosen);
        setLanguage(chosen);
      },
    }),
    [language],
  );
  return <SpeechContext value={speech}>{children}</SpeechContext>;
}

export function useSpeech(): Speech {
  const speech = use(SpeechContext);
  if (speech === null) throw new Error('useSpeech is used outside of Speaking.');
  return speech;
}
