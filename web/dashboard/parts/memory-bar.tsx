import { useSpeech } from '../text/language.tsx';

export type MemoryPart = 'weights' | 'kvCache' | 'compute' | 'margin' | 'used' | 'free';

export interface MemoryBarProps {
  readonly label: string;
  /** In the order they are shown; parts of 0 bytes are left out. */
  readonly parts: readonly (readonly [part: MemoryPart, bytes: number])[];
}

/** A stacked bar with its legend: the legend says all that the bar shows, so the bar itself is for the eye only. */
export function MemoryBar({ label, parts }: MemoryBarProps) {
  const { texts, formats } = useSpeech();
  const shown = parts.filter(([, bytes]) => bytes > 0);
  return (
    <figure className="memory-bar">
      <figcaption className="hidden">{label}</figcaption>
      <div className="bar" aria-hidden="true">
        {shown.map(([part, bytes]) => (
          <span key={part} data-part={part} style={{ flexGrow: bytes }} />
        ))}
      </div>
      <ul className="legend">
        {shown.map(([part, bytes]) => (
          <li key={part}>
            <i data-part={part} aria-hidden="true" /> {texts.memory[part]} {formats.bytes(bytes)}
          </li>
        ))}
      </ul>
    </figure>
  );
}
