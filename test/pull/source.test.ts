import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MixgateError } from '../../src/errors.ts';
import { canonical, isSource, parseSource } from '../../src/models/pull/source.ts';

describe('parseSource', () => {
  it.each([
    ['hf:owner/repo', 'hf:owner/repo'],
    ['hf://owner/repo:best', 'hf:owner/repo'],
    ['HF:owner/repo:q4_k_m', 'hf:owner/repo:Q4_K_M'],
    ['hf:owner/repo@v1.0:Q2_K, q4_k_m,Q2_K', 'hf:owner/repo@v1.0:Q2_K,Q4_K_M'],
    ['hf:owner/repo:*', 'hf:owner/repo:all'],
    ['hf:owner/repo/sub/model.gguf', 'hf:owner/repo/sub/model.gguf'],
    ['hf:owner/repo/model.gguf@abc123', 'hf:owner/repo/model.gguf@abc123'],
    ['https://huggingface.co/owner/repo', 'hf:owner/repo'],
    ['https://huggingface.co/owner/repo/resolve/main/a%20b.gguf?download=true', 'hf:owner/repo/a b.gguf'],
    ['https://huggingface.co/owner/repo/blob/dev/a.gguf', 'hf:owner/repo/a.gguf@dev'],
    ['https://host.example/a/b.gguf#part', 'https://host.example/a/b.gguf'],
    ['  file:/models/a.gguf ', 'file:/models/a.gguf'],
    ['file:///models/a%20b.gguf', 'file:/models/a b.gguf'],
  ])('reads %s as %s, and that as itself', (text, expected) => {
    expect(isSource(text.trim())).toBe(true);
    expect(canonical(parseSource(text))).toBe(expected);
    expect(canonical(parseSource(expected))).toBe(expected);
  });

  it.each([
    '',
    'owner/repo',
    'hf:repo',
    'hf:owner/..',
    'hf:../../etc',
    'hf:owner/repo@../x',
    'hf:owner/repo:Q4 K',
    'hf:owner/repo/a.gguf:Q4_K_M',
    'ftp://host/a.gguf',
    'javascript:alert(1)',
    'data:text/plain,x',
    'https://user:secret@host.example/a.gguf',
    'https://',
    'file://other-host/a.gguf',
    'hf:owner/repo\n:Q4_K_M',
    'https://huggingface.co/%E0%A4%A',
    `https://host.example/${'a'.repeat(3000)}.gguf`,
  ])('refuses %j', (text) => {
    expect(() => parseSource(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  it('reads or refuses, and nothing else, whatever is typed', () => {
    const schemes = fc.constantFrom('hf:', 'https://', 'http://', 'file:', 'https://huggingface.co/', '');
    fc.assert(
      fc.property(schemes, fc.string({ unit: 'binary', maxLength: 60 }), (scheme, rest) => {
        try {
          const source = canonical(parseSource(scheme + rest));
          expect(canonical(parseSource(source))).toBe(source);
        } catch (error) {
          expect(error).toBeInstanceOf(MixgateError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
