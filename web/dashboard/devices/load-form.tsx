import { useState } from 'react';
import { Choice, NumberField } from '../parts/fields.tsx';
import { useSpeech } from '../text/language.tsx';
import type { DeviceView, LoadableView } from './documents.ts';
import { loadRequest, NOTHING_CHOSEN, type Chosen } from './load-request.ts';
import type { Actions } from './use-actions.ts';

export interface LoadFormProps {
  readonly models: readonly LoadableView[];
  readonly devices: readonly DeviceView[];
  readonly actions: Actions;
}

export function LoadForm({ models, devices, actions }: LoadFormProps) {
  const { texts } = useSpeech();
  const [chosen, setChosen] = useState(NOTHING_CHOSEN);
  const change = (part: Partial<Chosen>): void => {
    setChosen({ ...chosen, ...part });
  };
  const model = models.find(({ id }) => id === chosen.model) ?? models[0];
  if (model === undefined) return null;
  return (
    <section aria-labelledby="load-title">
      <h2 id="load-title">{texts.devices.loadTitle}</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          actions.load(loadRequest({ ...chosen, model: model.id }));
        }}
      >
        <div className="row">
          <Choice
            label={texts.devices.model}
            value={model.id}
            options={models.map(({ id, name }) => [id, name])}
            onChange={(id) => {
              change({ model: id, quantization: '' });
            }}
          />
          <Choice
            label={texts.models.quantization}
            value={chosen.quantization}
            options={[
              ['', texts.playground.auto],
              ...model.variants.map(({ quantization }) => [quantization, quantization] as const),
            ]}
            onChange={(quantization) => {
              change({ quantization });
            }}
          />
          <Choice
            label={texts.devices.onDevice}
            value={chosen.device}
            options={[['', texts.playground.anywhere], ...devices.map(({ id, name }) => [id, name] as const)]}
            onChange={(device) => {
              change({ device });
            }}
          />
        </div>
        <Placement chosen={chosen} onChange={change} />
        <label className="choice">
          <input
            type="checkbox"
            checked={chosen.pinned}
            onChange={(event) => {
              change({ pinned: event.target.checked });
            }}
          />
          {texts.devices.pinAtOnce}
        </label>
        <div>
          <button type="submit" disabled={actions.isWorking}>
            {texts.devices.load}
          </button>
        </div>
      </form>
    </section>
  );
}

interface PlacementProps {
  readonly chosen: Chosen;
  readonly onChange: (part: Partial<Chosen>) => void;
}

/** What the planner decides where nothing is said. */
function Placement({ chosen, onChange }: PlacementProps) {
  const { texts } = useSpeech();
  const number = (key: 'slots' | 'contextSize' | 'gpuLayers', label: string, min: number) => (
    <NumberField
      label={label}
      min={min}
      value={chosen[key]}
      placeholder={texts.playground.byDefault}
      onChange={(value) => {
        onChange({ [key]: value });
      }}
    />
  );
  return (
    <details>
      <summary>{texts.devices.placement}</summary>
      <div className="row">
        {number('slots', texts.devices.slotsWanted, 1)}
        {number('contextSize', texts.playground.contextSize, 1)}
        {number('gpuLayers', texts.devices.gpuLayers, 0)}
        <Choice
          label={texts.devices.kvCacheType}
          value={chosen.kvCacheType}
          options={[
            ['', texts.playground.byDefault],
            ['F16', 'F16'],
            ['Q8_0', 'Q8_0'],
            ['Q4_0', 'Q4_0'],
          ]}
          onChange={(kvCacheType) => {
            onChange({ kvCacheType });
          }}
        />
      </div>
    </details>
  );
}
