import { useState } from 'react';
import { Choice } from '../parts/fields.tsx';
import { useSpeech } from '../text/language.tsx';
import type { DevicesData } from './documents.ts';
import type { Actions } from './use-actions.ts';

interface Chosen {
  readonly model: string;
  readonly quantization: string;
  readonly device: string;
  readonly pinned: boolean;
}

const NOTHING: Chosen = { model: '', quantization: '', device: '', pinned: false };

export function LoadForm({ data, actions }: { readonly data: DevicesData; readonly actions: Actions }) {
  const { texts } = useSpeech();
  const [chosen, setChosen] = useState(NOTHING);
  const change = (part: Partial<Chosen>): void => {
    setChosen({ ...chosen, ...part });
  };
  const model = data.models.find(({ id }) => id === chosen.model) ?? data.models[0];
  if (model === undefined) return null;
  const devices = data.backends.flatMap((backend) => backend.devices);
  return (
    <section aria-labelledby="load-title">
      <h2 id="load-title">{texts.devices.loadTitle}</h2>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          actions.load({
            model: model.id,
            quantization: chosen.quantization || null,
            device: chosen.device || null,
            pinned: chosen.pinned,
          });
        }}
      >
        <Choice
          label={texts.devices.model}
          value={model.id}
          options={data.models.map(({ id, name }) => [id, name])}
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
        <button type="submit" disabled={actions.outcome.type === 'working'}>
          {texts.devices.load}
        </button>
      </form>
    </section>
  );
}
