import { useId } from 'react';
import { useSpeech } from '../text/language.tsx';
import { useAccount } from './use-account.tsx';

/** Who is signed in, as whom and until when, and the way out. Nothing where the gateway asks nobody. */
export function AccountMenu() {
  const { texts, formats } = useSpeech();
  const { account, viewer } = useAccount();
  const menu = useId();
  if (viewer === null || !viewer.isAuthenticated || viewer.role === null) return null;
  const { name, role, expiresAt } = viewer;
  return (
    <>
      {/* The browser's own: Escape and a click elsewhere close it, and the focus comes back. */}
      <button type="button" className="secondary account" popoverTarget={menu}>
        <span className="hidden">{texts.signIn.signedInAs}: </span>
        {name}
      </button>
      <div className="account-menu" id={menu} popover="auto">
        <dl className="facts">
          <dt>{texts.signIn.signedInAs}</dt>
          <dd>{name}</dd>
          <dt>{texts.signIn.role}</dt>
          <dd>{texts.signIn.roles[role]}</dd>
          <dt>{texts.signIn.until}</dt>
          <dd>{expiresAt === null ? texts.signIn.noEnd : formats.dateTime(expiresAt)}</dd>
        </dl>
        <p className="quiet">{texts.signIn.signOutAbout}</p>
        <button
          type="button"
          onClick={() => {
            account.signOut();
          }}
        >
          {texts.signIn.signOut}
        </button>
      </div>
    </>
  );
}
