import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react';
import { firstLanguage, keepLanguage, type Language } from './chosen-language.ts';
import { en, type Texts } from './en.ts';
import { formatsOf, type Formats } from './formats.ts';
import { ja } from './ja.ts';

const LANGUAGES = { en: { name: 'English', texts: en }, ja: { name: '日本語', texts: ja } } as const;
export const LANGUAGE_NAMES = Object.entries(LANGUAGES).map(
  ([id, { name }]) => [id as Language, name] as const,
);

interface Speech {
  readonly language: Language;
  readonly texts: Texts;
  readonly formats: Formats;
  readonly speak: (language: Language) => void;
}

const SpeechContext = createContext<Speech | null>(null);

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
        keepLanguage(chosen);
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
