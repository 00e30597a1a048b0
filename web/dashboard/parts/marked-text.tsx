import { useMemo } from 'react';
import { useSpeech } from '../text/language.tsx';
import { segmentsOf, type Marks, type Segment } from './marks.ts';

export interface MarkedTextProps extends Marks {
  readonly text: string;
}

/** An answer that is whole, with what is worth seeing marked where it stands. */
export function MarkedText({ text, commonPrefixChars, foreignFragments, driftOffset }: MarkedTextProps) {
  const segments = useMemo(
    () => segmentsOf(text, { commonPrefixChars, foreignFragments, driftOffset }),
    [text, commonPrefixChars, foreignFragments, driftOffset],
  );
  return segments.map((segment, index) => <Piece key={index} segment={segment} />);
}

function Piece({ segment }: { readonly segment: Segment }) {
  const { texts } = useSpeech();
  const { text, isCommon, isDifference, foreign, isDrift } = segment;
  const names = [isCommon ? 'common' : '', foreign === null ? '' : 'foreign'].filter(Boolean).join(' ');
  const written = (
    <span
      className={names === '' ? undefined : names}
      lang={foreign?.language ?? undefined}
      title={foreign === null ? undefined : texts.compare.foreign(foreign.language)}
    >
      {text}
    </span>
  );
  return (
    <>
      {/* Drawn by the style, so that the text stays the answer's. */}
      {isDrift && <span className="drift" role="img" aria-label={texts.compare.driftsHere} />}
      {isDifference ? <mark title={texts.compare.differsHere}>{written}</mark> : written}
    </>
  );
}
