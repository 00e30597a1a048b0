import { useState } from 'react';
import { useSpeech } from '../text/language.tsx';
import { keepTheme, keptTheme, THEMES, type Theme } from './theme.ts';

export function ThemeSwitch() {
  const { texts } = useSpeech();
  const [theme, setTheme] = useState(keptTheme);
  const choose = (chosen: Theme): void => {
    keepTheme(chosen);
    setTheme(chosen);
  };
  return (
    <label>
      <span className="hidden">{texts.theme}</span>
      <select
        value={theme}
        onChange={(event) => {
          choose(event.target.value as Theme);
        }}
      >
        {THEMES.map((each) => (
          <option key={each} value={each}>
            {texts.themes[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
