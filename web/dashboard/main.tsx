import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { createClient } from './api/client.ts';
import { Session } from './playground/session.ts';
import { App } from './shell/app.tsx';
import { applyTheme, keptTheme } from './shell/theme.ts';
import { Speaking } from './text/language.tsx';
import './style.css';

applyTheme(keptTheme());
const connection = createClient(location.origin);
const session = new Session(connection, sessionStorage);
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Provider value={connection.client}>
      <Speaking>
        <App connection={connection} session={session} />
      </Speaking>
    </Provider>
  </StrictMode>,
);
