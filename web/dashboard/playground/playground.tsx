import { useSyncExternalStore } from 'react';
import { useAnswer } from '../api/use-answer.ts';
import { problemOf } from '../api/problem.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';
import { Composer } from './composer.tsx';
import { CHOICES } from './documents.ts';
import type { Session } from './session.ts';
import { SettingsForm } from './settings-form.tsx';
import { TurnView } from './turn-view.tsx';

export function Playground({ session }: { readonly session: Session }) {
  const { texts } = useSpeech();
  useTitle(texts.playground.title);
  const { settings, turns, isConnected, stopProblem } = useSyncExternalStore(session.subscribe, session.read);
  const { data: choices, error } = useAnswer(CHOICES, {});
  const model = choices?.models.find(({ id }) => id === settings.model) ?? choices?.models[0];
  // The first one stands for none chosen, and for one that is not there any more.
  const chosen = { ...settings, model: model?.id ?? '' };
  return (
    <div className="playground">
      <section aria-labelledby="conversation-title">
        <h1 id="conversation-title">{texts.playground.title}</h1>
        {error !== null && <ProblemBox problem={problemOf(error)} />}
        {choices !== null && model === undefined && <p>{texts.playground.noModels}</p>}
        {turns.length === 0 && <p className="quiet">{texts.playground.empty}</p>}
        <ol className="conversation" aria-label={texts.playground.conversation}>
          {turns.map((turn, index) => (
            // Turns are only ever added at the end.
            <TurnView key={index} turn={turn} isConnected={isConnected || index < turns.length - 1} />
          ))}
        </ol>
        {stopProblem !== null && <ProblemBox problem={stopProblem} />}
        <Composer
          isBusy={session.isBusy}
          canSend={model !== undefined}
          hasTurns={turns.length > 0}
          onSend={(prompt) => {
            session.set({ model: chosen.model });
            void session.send(prompt);
          }}
          onStop={() => void session.stop()}
          onClear={() => {
            session.clear();
          }}
        />
      </section>
      {choices !== null && model !== undefined && (
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
