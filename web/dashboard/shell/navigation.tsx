import { Link, useLocation } from 'wouter';
import type { Language } from '../text/chosen-language.ts';
import { LANGUAGE_NAMES, useSpeech } from '../text/language.tsx';
import { AccountMenu } from '../sign-in/account-menu.tsx';
import { meets } from '../sign-in/role.ts';
import { useAccount } from '../sign-in/use-account.tsx';
import { isAt, PAGES } from './pages.ts';
import { ThemeSwitch } from './theme-switch.tsx';
import type { Lending } from './use-lending.ts';

export function Navigation({ lending }: { readonly lending: Lending }) {
  const { texts, language, speak } = useSpeech();
  const [location] = useLocation();
  const { status, viewer } = useAccount();
  const role = viewer?.role ?? null;
  const pages = PAGES.filter(({ need }) => (role === null ? status === 'asking' : meets(role, need)));
  return (
    <header>
      <nav aria-label={texts.navigation}>
        <strong className="brand">mixgate</strong>
        <ul>
          {pages.map(({ path, name }) => (
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
        <AccountMenu />
      </div>
    </header>
  );
}
