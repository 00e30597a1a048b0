import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MixgateError } from '../../src/errors.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../../src/generation/manifest.ts';
import { EntryReader } from '../../src/models/entry-reader.ts';
import { readGgufHeaderFrom } from '../../src/models/gguf.ts';
import { ggufFacts } from '../../src/models/gguf-facts.ts';
import { mlcUnit } from '../../src/models/weight-units.ts';
import { ggufBytes, mlcFiles, writeFile } from '../support/gguf-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** Only an error with a code may come out, whatever went in. */
async function readsOrRefuses(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(MixgateError);
    expect((error as MixgateError).code).not.toBe('INTERNAL');
  }
}

const inMemory = (bytes: Buffer) => ({
  sizeBytes: bytes.length,
  chunkBytes: () => 4096,
  read: async (position: number, length: number) => bytes.subarray(position, position + length),
});

describe('GGUF', () => {
  it('with any entries of metadata is read or refused', async () => {
    const key = fc.oneof(
      fc.constantFrom(
        'general.architecture',
        'general.name',
        'general.file_type',
        'general.alignment',
        'general.type',
        'llama.block_count',
        'llama.context_length',
        'llama.embedding_length',
        'llama.expert_count',
        'llama.attention.head_count',
        'llama.attention.head_count_kv',
        'split.count',
        '__proto__',
        'constructor',
      ),
      fc.string(),
    );
    const value = fc.oneof(fc.constantFrom('llama', '', 0, 1, 32, 2 ** 32 - 1, true), fc.string(), fc.nat());
    const tensor = fc.record({
      name: fc.oneof(
        fc.constantFrom('blk.0.ffn_up.weight', 'blk.99999.x', 'output.weight', '__proto__'),
        fc.string(),
      ),
      type: fc.constantFrom('F32', 'F16', 'Q4_K', 'Q8_0'),
      dimensions: fc.constantFrom([256], [256, 2], [512, 1, 1, 2]),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(key, value),
        fc.array(tensor, { maxLength: 4 }),
        async (metadata, tensors) => {
          const bytes = ggufBytes({ 'general.architecture': 'llama', ...metadata }, tensors);
          await readsOrRefuses(async () =>
            ggufFacts(await readGgufHeaderFrom(inMemory(bytes), 'x.gguf'), 'x.gguf'),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps no more of a header than it must', async () => {
    const text = 'x'.repeat(2 ** 20);
    const metadata = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`key.${index}`, text]));
    const bytes = ggufBytes(metadata, []);
    await expect(readGgufHeaderFrom(inMemory(bytes), 'x.gguf')).rejects.toThrow('takes more than 64 MiB');
  });

  it('keeps no more of arrays than it must', async () => {
    const array = Array.from({ length: 1024 }, () => '');
    const metadata = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`key.${index}`, array]));
    const bytes = ggufBytes(metadata, []);
    await expect(readGgufHeaderFrom(inMemory(bytes), 'x.gguf')).rejects.toThrow('takes more than 64 MiB');
  });

  it('with bytes of a real file cut out or put in is read or refused', async () => {
    const demo = readFileSync(
      path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q2_K.gguf'),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(60_000), fc.nat(64), fc.uint8Array({ maxLength: 64 }), async (at, cut, put) => {
        const bytes = Buffer.concat([demo.subarray(0, at), put, demo.subarray(at + cut)]);
        await readsOrRefuses(async () =>
          ggufFacts(await readGgufHeaderFrom(inMemory(bytes), 'x.gguf'), 'x.gguf'),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe('MLC', () => {
  it.each(['mlc-chat-config.json', 'tensor-cache.json', 'tokenizer_config.json'])(
    'with any JSON in %s is read or refused',
    async (name) => {
      const reader = new EntryReader(null, '');
      const original = JSON.parse(mlcFiles()[name]!.toString()) as Record<string, unknown>;
      const changed = fc
        .tuple(fc.constantFrom(...Object.keys(original)), fc.jsonValue())
        .map(([key, value]): unknown => ({ ...original, [key]: value }));
      for (const [file, content] of Object.entries(mlcFiles())) writeFile(folder(), file, content);
      await fc.assert(
        fc.asyncProperty(fc.oneof(changed, fc.jsonValue()), async (content) => {
          writeFile(folder(), name, JSON.stringify(content));
          const unit = await mlcUnit(folder());
          await readsOrRefuses(async () => reader.read(unit, { stamp: String(Math.random()), changedAt: 0 }));
        }),
        { numRuns: 100 },
      );
    },
  );
});

describe('a manifest', () => {
  it('of any content is read or refused', async () => {
    const entry = fc.dictionary(
      fc.constantFrom('source', 'id', 'sha256', 'sampling', 'chatTemplate', 'pin', '__proto__'),
      fc.jsonValue(),
    );
    const manifest = fc.record({ version: fc.constant(1), models: fc.array(entry, { maxLength: 3 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          manifest.map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        (text) => readsOrRefuses(() => parseManifest(text, 'm.yaml')),
      ),
      { numRuns: 1000 },
    );
  });

  it('does not unfold into something large', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, index) => {
        const before = 'abcdefg'[index]!;
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`;
      }),
    ].join('\n');
    expect(() => parseManifest(bomb, 'm.yaml')).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  it('is not even read where it is too long', () => {
    const manifest = JSON.stringify({ version: 1, models: [{ id: 'a' }] });
    const longest = manifest.padEnd(MAX_MANIFEST_BYTES);
    expect(parseManifest(longest, 'm.yaml').models).toHaveLength(1);
    expect(() => parseManifest(`${longest} `, 'm.yaml')).toThrow(`longer than ${MAX_MANIFEST_BYTES} bytes`);
  });
});
