import { useEffect, useId, useState } from 'react';
import { Choice } from '../parts/fields.tsx';
import { useSpeech } from '../text/language.tsx';
import { STATE_NAMES, type Filters } from './filters.ts';
import { languageNames } from './languages.ts';

export interface Known {
  readonly models: readonly string[];
  readonly quantizations: readonly string[];
}

export interface FilterFormProps {
  /** As they stand in the address. */
  readonly filters: Filters;
  /** What is here to choose among; the history may hold others. */
  readonly known: Known;
  readonly onChange: (filters: Filters) => void;
}

/** As long as somebody goes on typing, nothing is asked. */
const QUIET_MS = 300;

/** What is typed, until the address holds it. */
function useDraft(filters: Filters, onChange: (filters: Filters) => void) {
  const [draft, setDraft] = useState<Filters | null>(null);
  useEffect(() => {
    if (draft === null) return undefined;
    const timer = setTimeout(() => {
      setDraft(null);
      onChange(draft);
    }, QUIET_MS);
    return () => clearTimeout(timer);
  }, [draft, onChange]);
  const shown = draft ?? filters;
  return { shown, change: (some: Partial<Filters>) => setDraft({ ...shown, ...some }) };
}

export function FilterForm({ filters, known, onChange }: FilterFormProps) {
  const { texts, language } = useSpeech();
  const { shown, change } = useDraft(filters, onChange);
  const { kind } = filters;
  const { history } = texts;
  const yesOrNo = [['', history.any] as const, ['yes', history.yes] as const, ['no', history.no] as const];
  return (
    <form
      role="search"
      aria-label={history.filters}
      className="filters"
      onSubmit={(event) => event.preventDefault()}
    >
      {kind !== 'evaluations' && (
        <TextField
          type="search"
          label={history.search}
          value={shown.search}
          onChange={(search) => change({ search })}
        />
      )}
      <TextField
        label={texts.playground.model}
        value={shown.model}
        known={known.models}
        onChange={(model) => change({ model })}
      />
      {kind === 'generations' && (
        <>
          <TextField
            label={texts.playground.quantization}
            value={shown.quantization}
            known={known.quantizations}
            onChange={(quantization) => change({ quantization })}
          />
          <Choice
            label={history.state}
            value={shown.state}
            options={[['', history.any], ...STATE_NAMES.map((name) => [name, history.states[name]] as const)]}
            onChange={(state) => change({ state })}
          />
          <Choice
            label={history.language}
            value={shown.language}
            options={[['', history.any], ...languageNames(language)]}
            onChange={(chosen) => change({ language: chosen })}
          />
          <Choice
            label={history.drifted}
            value={shown.drifted}
            options={yesOrNo}
            onChange={(drifted) => change({ drifted })}
          />
          <Choice
            label={history.lanes}
            value={shown.lanes}
            options={[
              ['', history.any],
              ['no', history.noLanes],
              ['yes', history.onlyLanes],
            ]}
            onChange={(lanes) => change({ lanes })}
          />
        </>
      )}
      {kind === 'comparisons' && (
        <Choice
          label={history.voted}
          value={shown.voted}
          options={yesOrNo}
          onChange={(voted) => change({ voted })}
        />
      )}
      <TextField type="date" label={history.from} value={shown.from} onChange={(from) => change({ from })} />
      <TextField
        type="date"
        label={history.until}
        value={shown.until}
        onChange={(until) => change({ until })}
      />
    </form>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly type?: 'text' | 'search' | 'date';
  /** What may be meant. */
  readonly known?: readonly string[];
  readonly onChange: (value: string) => void;
}

function TextField({ label, value, type = 'text', known = [], onChange }: TextFieldProps) {
  const list = useId();
  return (
    <label>
      {label}
      <input
        type={type}
        value={value}
        list={known.length > 0 ? list : undefined}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
      {known.length > 0 && (
        <datalist id={list}>
          {known.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </label>
  );
}
