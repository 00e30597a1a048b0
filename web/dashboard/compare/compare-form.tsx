import { useEffect, useId, useState, type KeyboardEvent, type SubmitEvent } from 'react';
import { useLocation } from 'wouter';
import { problemOf } from '../api/problem.ts';
import { useAction } from '../api/use-action.ts';
import { usePolled } from '../api/use-polled.ts';
import { AnswerFields } from '../parts/answer-fields.tsx';
import { CHOICES, CHOICES_POLL_MS, type Choices } from '../parts/choices.ts';
import { Choice } from '../parts/fields.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { useTitle } from '../shell/use-title.ts';
import { useSpeech } from '../text/language.tsx';
import { START_COMPARISON } from './documents.ts';
import { LaneEditors } from './lane-editors.tsx';
import { Overview } from './overview.tsx';
import { compareInput, knownLanes, readSettings, writeSettings, type CompareSettings } from './settings.ts';

const SCHEDULES = ['AUTO', 'TOGETHER', 'IN_TURN'] as const;

/** What to compare, and what was compared before. */
export function CompareForm() {
  const { texts } = useSpeech();
  useTitle(texts.compare.title);
  const { data: choices, error } = usePolled(CHOICES, CHOICES_POLL_MS);
  return (
    <>
      <h1>{texts.compare.title}</h1>
      <p className="quiet">{texts.compare.about}</p>
      {error !== null && <ProblemBox problem={problemOf(error)} />}
      {choices?.models.length === 0 && <p>{texts.playground.noModels}</p>}
      {choices !== null && choices.models.length > 0 && <Form choices={choices} />}
      <Overview />
    </>
  );
}

function Form({ choices }: { readonly choices: Choices }) {
  const { texts } = useSpeech();
  const [settings, setSettings] = useState(() => readSettings(sessionStorage));
  const hint = useId();
  const [, navigate] = useLocation();
  const { isBusy, problem, run } = useAction(START_COMPARISON);
  useEffect(() => {
    writeSettings(sessionStorage, settings);
  }, [settings]);

  const change = (changed: Partial<CompareSettings>): void =>
    setSettings((before) => ({ ...before, ...changed }));
  const known = knownLanes(settings, choices);
  const canStart = !isBusy && settings.prompt.trim() !== '';
  const start = async (): Promise<void> => {
    if (!canStart) return;
    const started = await run({ input: compareInput(known) });
    if (started !== null) navigate(`/compare/${started.startComparison.id}`);
  };
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    void start();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing || event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    void start();
  };
  return (
    <form className="compare-form" onSubmit={onSubmit}>
      <label>
        {texts.playground.prompt}
        <textarea
          rows={3}
          value={settings.prompt}
          onChange={(event) => {
            change({ prompt: event.target.value });
          }}
          onKeyDown={onKeyDown}
          aria-describedby={hint}
        />
      </label>
      <small id={hint}>{texts.compare.startHint}</small>
      {settings.before.length > 0 && (
        <p>
          {texts.compare.goesOn(settings.before.length)}{' '}
          <button
            type="button"
            className="secondary"
            onClick={() => {
              change({ before: [] });
            }}
          >
            {texts.compare.forget}
          </button>
        </p>
      )}
      <LaneEditors
        lanes={known.lanes}
        choices={choices}
        onChange={(lanes) => {
          change({ lanes });
        }}
      />
      <details>
        <summary>{texts.compare.options}</summary>
        <Options settings={settings} onChange={change} />
      </details>
      <div className="row">
        <Choice
          label={texts.compare.schedule}
          value={settings.schedule}
          options={SCHEDULES.map((schedule) => [schedule, texts.compare.schedules[schedule]])}
          onChange={(schedule) => {
            change({ schedule });
          }}
        />
        <label className="choice">
          <input
            type="checkbox"
            checked={settings.isBlind}
            onChange={(event) => {
              change({ isBlind: event.target.checked });
            }}
          />
          {texts.compare.blind}
        </label>
        <button type="submit" disabled={!canStart}>
          {texts.compare.start}
        </button>
      </div>
      {problem !== null && <ProblemBox problem={problem} />}
    </form>
  );
}

interface OptionsProps {
  readonly settings: CompareSettings;
  readonly onChange: (change: Partial<CompareSettings>) => void;
}

/** Of all lanes together. */
function Options({ settings, onChange }: OptionsProps) {
  return (
    <div className="settings">
      <AnswerFields settings={settings} onChange={onChange} />
    </div>
  );
}
