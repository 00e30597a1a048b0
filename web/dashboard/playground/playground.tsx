import { useSyncExternalStore } from 'react';
import { useLocation } from 'wouter';
import { problemOf } from '../api/problem.ts';
import { usePolled } from '../api/use-polled.ts';
import { CHOICES, CHOICES_POLL_MS } from '../parts/choices.ts';
import { knownPlace } from '../parts/place.ts';
import { writeSettings } from '../compare/settings.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { RoleNote } from '../sign-in/role-note.tsx';
import { useMay } from '../sign-in/use-account.tsx';
import { useSpeech } from '../text/language.tsx';
import { comparedSettings } from './compared-settings.ts';
import { Composer } from './composer.tsx';
import type { Session } from './session.ts';
import { SettingsForm } from './settings-form.tsx';
import { TurnView } from './turn-view.tsx';

export function Playground({ session }: { readonly session: Session }) {
  const { texts } = useSpeech();
  const [, navigate] = useLocation();
  useTitle(texts.playground.title);
  const { settings, turns, isConnected, draft, stopProblem } = useSyncExternalStore(
    session.subscribe,
    session.read,
  );
  const { data: choices, error } = usePolled(CHOICES, CHOICES_POLL_MS);
  const chosen = choices === null ? null : knownPlace(settings, choices);
  const mayAsk = useMay('USER');
  const hasModel = chosen !== null && chosen.model !== '';
  return (
    <div className="playground">
      <section aria-labelledby="conversation-title">
        <h1 id="conversation-title">{texts.playground.title}</h1>
        {error !== null && <ProblemBox problem={problemOf(error)} />}
        {chosen?.model === '' && <p>{texts.playground.noModels}</p>}
        {turns.length === 0 && <p className="quiet">{texts.playground.empty}</p>}
        <ol className="conversation" aria-label={texts.playground.conversation}>
          {turns.map((turn, index) => (
            // Turns are only ever added at the end.
            <TurnView key={index} turn={turn} isConnected={isConnected || index < turns.length - 1} />
          ))}
        </ol>
        {stopProblem !== null && <ProblemBox problem={stopProblem} />}
        <RoleNote need="USER" what={texts.signIn.toAsk} />
        <Composer
          isBusy={session.isBusy}
          canSend={hasModel && mayAsk}
          canCompare={mayAsk}
          draft={draft}
          hasTurns={turns.length > 0}
          onSend={(prompt) => {
            if (chosen !== null) session.set(chosen);
            void session.send(prompt);
          }}
          onStop={() => void session.stop()}
          onCompare={(prompt) => {
            writeSettings(sessionStorage, comparedSettings(chosen ?? settings, turns, prompt));
            navigate('/compare');
          }}
          onClear={() => {
            session.clear();
          }}
        />
      </section>
      {choices !== null && hasModel && (
        <SettingsForm
          settings={chosen}
          choices={choices}
          onChange={(change) => {
            session.set(change);
          }}
        />
      )}
    </div>
  );
}
