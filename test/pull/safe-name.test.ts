import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeName, within } from '../../src/models/pull/safe-name.ts';

describe('safeName', () => {
  it.each(['model.gguf', 'sub/model-Q4_K_M.gguf', 'モデル.gguf', 'a b.gguf'])('takes %j as it is', (name) => {
    expect(safeName(name)).toBe(name);
  });

  it.each([
    '',
    '.',
    '..',
    '../model.gguf',
    'a/../../model.gguf',
    '/etc/passwd',
    'a//b.gguf',
    'a/',
    '.hidden/model.gguf',
    '.pulls/x.gguf',
    'a\\..\\b.gguf',
    'C:model.gguf',
    'model.gguf\0.txt',
    'line\nbreak.gguf',
    'con',
    'trailing. ',
    ' model.gguf',
    'a/b/c/d/e/f/g/h/i.gguf',
    'x'.repeat(600),
    null,
    42,
  ])('refuses %j', (name) => {
    expect(safeName(name)).toBeNull();
  });

  it('leads nowhere but into the folder, whatever a server names', () => {
    const piece = fc.oneof(fc.constantFrom('..', '.', '', '/', '\\', '\0', 'a', 'b.gguf', '~'), fc.string());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.constantFrom('/', '', '\\'), (pieces, separator) => {
        const name = safeName(pieces.join(separator));
        if (name === null) return;
        const target = within('/models', name);
        expect(path.relative('/models', target)).toBe(path.normalize(name));
      }),
      { numRuns: 2000 },
    );
  });
});
