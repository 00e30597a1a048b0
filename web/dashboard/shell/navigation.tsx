import { Link, useLocation } from 'wouter';
import type { Language } from '../text/chosen-language.ts';
import { LANGUAGE_NAMES, useSpeech } from '../text/language.tsx';
import { ThemeSwitch } from './theme-switch.tsx';
import type { Lending } from './use-lending.ts';

const PAGES = [
  ['/', 'playground'],
  ['/compare', 'compare'],
  ['/history', 'history'],
  ['/devices', 'devices'],
  ['/models', 'models'],
  ['/lend', 'lend'],
  ['/api', 'api'],
] as const;

/** Also on the pages below it. */
const isAt = (location: string, path: string): boolean =>
  location === path || (path !== '/' && location.startsWith(`${path}/`));

export function Navigation({ lending }: { readonly lending: Lending }) {
  const { texts, language, speak } = useSpeech();
  const [location] = useLocation();
  return (
    <header>
      <nav aria-label={texts.navigation}>
        <strong className="brand">mixgate</strong>
        <ul>
          {PAGES.map(([path, name]) => (
            <li key={path}>
              <Link href={path} aria-current={isAt(location, path) ? 'page' : undefined}>
                {texts.pages[name]}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <p className="badge" role="status" data-lending={lending}>
        {lending === 'stopped' ? '' : texts.lending[lending]}
      </p>
      <div className="switches">
        <label>
          <span className="hidden">{texts.language}</span>
          <select
            value={language}
            onChange={(event) => {
              speak(event.target.value as Language);
            }}
          >
            {LANGUAGE_NAMES.map(([id, name]) => (
              <option key={id} value={id} lang={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <ThemeSwitch />
      </div>
    </header>
  );
}
