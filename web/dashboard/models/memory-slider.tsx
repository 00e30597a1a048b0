import { useId } from 'react';
import { useSpeech } from '../text/language.tsx';
import { memoryScale } from './memory-scale.ts';

export interface MemorySliderProps {
  readonly smallestBytes: number;
  readonly marginBytes: number;
  readonly memoryBytes: number;
  readonly onChange: (memoryBytes: number) => void;
}

export function MemorySlider({ smallestBytes, marginBytes, memoryBytes, onChange }: MemorySliderProps) {
  const { texts, formats } = useSpeech();
  const id = useId();
  const scale = memoryScale(smallestBytes, marginBytes);
  return (
    <div>
      {/* Not around it: a label belongs to its first field, and an output is one. */}
      <label className="beside" htmlFor={id}>
        {texts.models.slider}
      </label>{' '}
      <output htmlFor={id}>{formats.bytes(memoryBytes)}</output>
      <input
        id={id}
        type="range"
        min={0}
        max={scale.steps}
        value={scale.stepAt(memoryBytes)}
        aria-valuetext={formats.bytes(memoryBytes)}
        onChange={(event) => {
          onChange(scale.bytesAt(Number(event.target.value)));
        }}
      />
    </div>
  );
}
