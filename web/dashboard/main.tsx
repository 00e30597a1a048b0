import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { createClient } from './api/client.ts';
import { Session } from './playground/session.ts';
import { App } from './shell/app.tsx';
import { applyTheme, keptTheme } from './shell/theme.ts';
import { Account } from './sign-in/account.ts';
import { startAccount } from './sign-in/redirect.ts';
import { SignedIn } from './sign-in/use-account.tsx';
import { askViewer } from './sign-in/viewer.ts';
import { Speaking } from './text/language.tsx';
import './style.css';

applyTheme(keptTheme());
const account = new Account({
  ask: (credential) => askViewer(location.origin, credential),
  onSignedOut() {
    session.forget();
    location.reload();
  },
});
const connection = createClient(location.origin, account);
const session = new Session(connection, sessionStorage);
void startAccount(account);
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Provider value={connection.client}>
      <Speaking>
        <SignedIn account={account}>
          <App connection={connection} session={session} />
        </SignedIn>
      </Speaking>
    </Provider>
  </StrictMode>,
);
