import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { parseManifest } from '../../src/generation/manifest.ts';
import { generationRequest } from '../../src/generation/request.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { targets } from './targets.ts';

const folder = temporaryFolder();

/** Longer: `npm run fuzz -- --minutes 10`. */
describe('whatever was done to them, are read or refused with a code:', () => {
  it.each(targets(folder))('$name', ({ property }) => fc.assert(property, { numRuns: 150 }));
});

describe('what was found so', () => {
  const deep = '{"a":'.repeat(5000);

  it('YAML that nests by the thousand is refused: it ended the process', () => {
    const file = path.join(folder(), 'config.yaml');
    for (const text of [
      deep,
      '['.repeat(20_000),
      '- '.repeat(5000),
      '? '.repeat(5000),
      'a: {'.repeat(3000),
    ]) {
      writeFileSync(file, text);
      expect(() => parseManifest(text, 'a manifest')).toThrow('nests too deep');
      expect(() => loadConfig({ config: file }, {})).toThrow('nests too deep');
    }
  });

  it('a JSON schema that could be read but not sent on is refused', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    const request = (jsonSchema: unknown) =>
      generationRequest({ model: 'a', prompt: { text: 'b' }, jsonSchema }, () => null);
    expect(() => request(nested(20_000))).toThrow('jsonSchema: may nest 100 deep');
    expect(request(nested(100)).jsonSchema).toEqual(nested(100));
  });

  it('a configuration with a mistake in every word says one, and where', () => {
    const file = path.join(folder(), 'config.yaml');
    writeFileSync(file, `port: 1\nhost: ${'!!a '.repeat(3000)}`);
    expect(() => loadConfig({ config: file }, {})).toThrow(/line 2, column \d+: .* at most one tag/);
  });

  it('an option that is called __proto__ is one that does not exist', () => {
    const file = path.join(folder(), 'config.yaml');
    writeFileSync(file, '__proto__: 5');
    expect(() => loadConfig({ config: file }, {})).toThrow('__proto__: there is no such option');
  });
});
