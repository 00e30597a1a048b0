import type { Choices } from '../parts/choices.ts';
import { NumberField } from '../parts/fields.tsx';
import { PlaceFields } from '../parts/place-fields.tsx';
import { backendOf } from '../parts/place.ts';
import { PlanPreview } from '../parts/plan-preview.tsx';
import { useSpeech } from '../text/language.tsx';
import { lanePlanInput, type LaneSettings } from './settings.ts';

export interface LaneEditorProps {
  readonly number: number;
  readonly lane: LaneSettings;
  readonly choices: Choices;
  readonly onChange: (change: Partial<LaneSettings>) => void;
  /** Null where there are enough lanes. */
  readonly onDuplicate: (() => void) | null;
  /** Null where there are too few to go without it. */
  readonly onRemove: (() => void) | null;
}

/** One place to run the prompt, and what would run there. */
export function LaneEditor(props: LaneEditorProps) {
  const { number, lane, choices, onChange, onDuplicate, onRemove } = props;
  const { texts } = useSpeech();
  const { compare } = texts;
  return (
    <fieldset className="card lane-editor">
      <legend>{compare.laneNumber(number)}</legend>
      <PlaceFields chosen={lane} choices={choices} onChange={onChange} />
      <div className="pairs">
        <NumberField
          label={compare.gpuLayers}
          min={0}
          value={lane.gpuLayers}
          placeholder={texts.playground.auto}
          onChange={(gpuLayers) => {
            onChange({ gpuLayers });
          }}
        />
        <NumberField
          label={texts.playground.contextSize}
          min={1}
          value={lane.contextSize}
          placeholder={texts.playground.byDefault}
          onChange={(contextSize) => {
            onChange({ contextSize });
          }}
        />
      </div>
      <label>
        {compare.label}
        <input
          type="text"
          maxLength={200}
          value={lane.label}
          placeholder={compare.labelUsual}
          onChange={(event) => {
            onChange({ label: event.target.value });
          }}
        />
      </label>
      <PlanPreview input={lanePlanInput(lane)} backend={backendOf(lane)} />
      <div className="buttons">
        <button
          type="button"
          className="secondary"
          disabled={onDuplicate === null}
          aria-label={compare.duplicateOf(number)}
          onClick={onDuplicate ?? undefined}
        >
          {compare.duplicate}
        </button>
        <button
          type="button"
          className="secondary"
          disabled={onRemove === null}
          aria-label={compare.removeOf(number)}
          onClick={onRemove ?? undefined}
        >
          {compare.remove}
        </button>
      </div>
    </fieldset>
  );
}
