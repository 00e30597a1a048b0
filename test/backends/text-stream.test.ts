import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Detokenizer } from '../../src/backends/llama-cpp/runner/detokenizer.ts';
import { StageClock } from '../../src/backends/llama-cpp/runner/stage-clock.ts';
import { TextStream } from '../../src/backends/llama-cpp/runner/text-stream.ts';

describe('TextStream', () => {
  it('gives the text before the first stop sequence, however the text is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 }), { maxLength: 20 }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), {
          maxLength: 3,
        }),
        (pieces, stops) => {
          const stream = new TextStream(stops);
          const told = pieces.map((piece) => stream.push(piece)).join('');
          const whole = pieces.join('');
          // The stop sequence that is complete first ends the text.
          const ends = stops.map((stop) => whole.indexOf(stop)).filter((at) => at !== -1);
          if (ends.length === 0) expect(told + stream.flush()).toBe(whole);
          else {
            expect(stream.stoppedBy).not.toBeNull();
            expect(whole.startsWith(told + stream.stoppedBy!)).toBe(true);
            expect(stream.flush()).toBe('');
          }
        },
      ),
    );
  });

  it('holds back only what may become a stop sequence', () => {
    const stream = new TextStream(['END']);
    expect([stream.push('the E'), stream.push('N'), stream.push('x')]).toEqual(['the ', '', 'ENx']);
  });
});

describe('Detokenizer', () => {
  it('never cuts a character: tokens of single bytes give whole characters', () => {
    // A model whose tokens are bytes.
    const detokenize = (tokens: readonly number[]) => Buffer.from(tokens).toString('utf8');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const detokenizer = new Detokenizer({ detokenize: detokenize }, []);
        const pieces = [...Buffer.from(text)].map((byte) => detokenizer.push(byte as never));
        expect(pieces.join('') + detokenizer.flush()).toBe(Buffer.from(text).toString());
      }),
    );
  });
});

describe('StageClock', () => {
  it('divides wall time into prompt, decode and sampling', () => {
    const times = [0, 10, 12, 15, 16];
    const clock = new StageClock(() => times.shift()!);
    clock.computed();
    clock.sampled();
    clock.computed();
    clock.sampled();
    expect(clock.timings(7)).toEqual({
      promptEval: { ms: 10, count: 7 },
      sample: { ms: 3, count: 2 },
      eval: { ms: 3, count: 1 },
    });
  });
});
