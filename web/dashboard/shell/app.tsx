import { lazy, Suspense, type ReactNode } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import type { Connection } from '../api/client.ts';
import { LendFrame } from '../lend/lend-frame.tsx';
import { Playground } from '../playground/playground.tsx';
import type { Session } from '../playground/session.ts';
import { ForRole } from '../sign-in/role-note.tsx';
import { SignInAgain, SignInView } from '../sign-in/sign-in-view.tsx';
import { useAccount } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { Navigation } from './navigation.tsx';
import { pageAt } from './pages.ts';
import { useLending } from './use-lending.ts';

const Compare = lazy(async () => import('../compare/compare.tsx'));
const Devices = lazy(async () => import('../devices/devices.tsx'));
const Explorer = lazy(async () => import('../explorer/explorer.tsx'));
const History = lazy(async () => import('../history/history.tsx'));
const Models = lazy(async () => import('../models/models.tsx'));

export interface AppProps {
  readonly connection: Connection;
  readonly session: Session;
}

export function App(props: AppProps) {
  const { texts } = useSpeech();
  const lending = useLending();
  const { viewer } = useAccount();
  return (
    <>
      <a className="skip" href="#main">
        {texts.skip}
      </a>
      <Navigation lending={lending} />
      <main id="main" tabIndex={-1}>
        {viewer === null ? (
          <SignInView />
        ) : (
          <>
            <SignInAgain />
            <Allowed>
              <Pages {...props} />
            </Allowed>
            <LendFrame />
          </>
        )}
      </main>
    </>
  );
}

/** What stands at this address, for whom it is. */
function Allowed({ children }: { readonly children: ReactNode }) {
  const { texts } = useSpeech();
  const page = pageAt(useLocation()[0]);
  if (page === null) return children;
  return (
    <ForRole need={page.need} title={texts.pages[page.name]}>
      {children}
    </ForRole>
  );
}

function Pages({ connection, session }: AppProps) {
  const { texts } = useSpeech();
  return (
    <Suspense fallback={<p className="quiet">{texts.loading}</p>}>
      <Switch>
        <Route path="/">
          <Playground session={session} />
        </Route>
        <Route path="/compare">
          <Compare connection={connection} id={null} />
        </Route>
        <Route path="/compare/:id">{({ id }) => <Compare connection={connection} id={id} />}</Route>
        <Route path="/history">
          <History session={session} id={null} />
        </Route>
        <Route path="/history/:id">{({ id }) => <History session={session} id={id} />}</Route>
        <Route path="/devices">
          <Devices />
        </Route>
        <Route path="/models">
          <Models />
        </Route>
        <Route path="/api">
          <Explorer />
        </Route>
        {/* Its frame is below: it outlives the page. */}
        <Route path="/lend" />
        <Route>
          <h1>{texts.notFound}</h1>
        </Route>
      </Switch>
    </Suspense>
  );
}
