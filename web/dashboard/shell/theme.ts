export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'mixgate.theme';

export function keptTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? 'auto';
}

export function keepTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme(theme);
}

/** `color-scheme` does the rest: every colour is a light-dark() pair, and an embedded page follows too. */
export function applyTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
}
