import type { Choices } from '../parts/choices.ts';
import { useSpeech } from '../text/language.tsx';
import { LaneEditor } from './lane-editor.tsx';
import { everyQuantization, nativeAgainstBrowser } from './presets.ts';
import { EMPTY_LANE, LEAST_LANES, MOST_LANES, type LaneSettings } from './settings.ts';

export interface LaneEditorsProps {
  readonly lanes: readonly LaneSettings[];
  readonly choices: Choices;
  readonly onChange: (lanes: readonly LaneSettings[]) => void;
}

export function LaneEditors({ lanes, choices, onChange }: LaneEditorsProps) {
  const { texts } = useSpeech();
  const mayAdd = lanes.length < MOST_LANES;
  const mayRemove = lanes.length > LEAST_LANES;
  const first = lanes[0]!;
  const quantizations = everyQuantization(choices, first.model);
  const browser = nativeAgainstBrowser(choices, first);
  const preset = (made: readonly LaneSettings[] | null, name: string) => (
    <button
      type="button"
      className="secondary"
      disabled={made === null}
      onClick={() => {
        if (made !== null) onChange(made);
      }}
    >
      {name}
    </button>
  );
  return (
    <section aria-labelledby="lanes-title">
      <h2 id="lanes-title">{texts.compare.lanes}</h2>
      <div className="buttons">
        {preset(quantizations, texts.compare.everyQuantization)}
        {preset(browser, texts.compare.nativeAgainstBrowser)}
      </div>
      <div className="lane-editors">
        {lanes.map((lane, index) => (
          <LaneEditor
            key={index}
            number={index}
            lane={lane}
            choices={choices}
            onChange={(change) => {
              onChange(lanes.with(index, { ...lane, ...change }));
            }}
            onDuplicate={mayAdd ? () => onChange(lanes.toSpliced(index + 1, 0, lane)) : null}
            onRemove={mayRemove ? () => onChange(lanes.toSpliced(index, 1)) : null}
          />
        ))}
      </div>
      <div className="buttons">
        <button
          type="button"
          className="secondary"
          disabled={!mayAdd}
          onClick={() => {
            onChange([...lanes, { ...EMPTY_LANE, model: first.model }]);
          }}
        >
          {texts.compare.addLane}
        </button>
      </div>
    </section>
  );
}
