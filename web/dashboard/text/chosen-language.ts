/** The languages of the pages. */
export type Language = 'en' | 'ja';

const KEY = 'mixgate.language';

const isLanguage = (value: string | null): value is Language => value === 'en' || value === 'ja';

/** What was chosen here before, on whichever page, else the first of the browser's languages that we have. */
export function firstLanguage(): Language {
  const chosen = localStorage.getItem(KEY);
  if (isLanguage(chosen)) return chosen;
  return navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage) ?? 'en';
}

export function keepLanguage(language: Language): void {
  localStorage.setItem(KEY, language);
}

/** Calls `listener` when another page of this browser chooses. */
export function onLanguageKept(listener: () => void): void {
  window.addEventListener('storage', ({ key }) => {
    if (key === KEY) listener();
  });
}
