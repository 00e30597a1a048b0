import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  openSync,
  closeSync,
  ftruncateSync,
  writeSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { MixgateError } from '../../src/errors.ts';
import { Catalog } from '../../src/models/catalog.ts';
import { readGgufHeader } from '../../src/models/gguf.ts';
import { ggufFacts } from '../../src/models/gguf-facts.ts';

const demo = path.resolve(import.meta.dirname, '../../models/demo');
const file = (quantization: string) => path.join(demo, `tiny-mixtral-8x2M.${quantization}.gguf`);
const folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));
const silent = () => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };

const original = readFileSync(file('Q2_K'));
function broken(change: (bytes: Buffer) => Buffer | void): string {
  const bytes = Buffer.from(original);
  const target = path.join(folder, 'broken.gguf');
  writeFileSync(target, change(bytes) ?? bytes);
  return target;
}
/** Offset of the tensor infos' first entry. */
const firstTensor = original.indexOf('output.weight') - 8;
const afterName = firstTensor + 8 + 'output.weight'.length;

describe('readGgufHeader', () => {
  it.each([
    ['is not a GGUF file', (bytes: Buffer) => void bytes.write('GGML')],
    ['is not a GGUF file', () => Buffer.alloc(0)],
    ['GGUF version 99', (bytes: Buffer) => void bytes.writeUInt32LE(99, 4)],
    ['header does not end', (bytes: Buffer) => bytes.subarray(0, 3000)],
    ['is cut short: it has', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['claims', (bytes: Buffer) => void bytes.writeBigUInt64LE(2n ** 63n, 8)],
    ['claims', (bytes: Buffer) => void bytes.writeBigUInt64LE(2n ** 63n, 16)],
    ['claims a length', (bytes: Buffer) => void bytes.writeBigUInt64LE(2n ** 63n, 24)],
    ['dimensions', (bytes: Buffer) => void bytes.writeUInt32LE(7, afterName)],
    ['impossible size', (bytes: Buffer) => void bytes.writeBigUInt64LE(2n ** 63n, afterName + 4)],
    ['impossible size', (bytes: Buffer) => void bytes.writeBigUInt64LE(0n, afterName + 4)],
    ['unknown type', (bytes: Buffer) => void bytes.writeUInt32LE(999, afterName + 20)],
    ['overlap', (bytes: Buffer) => void bytes.writeBigUInt64LE(32n, afterName + 24)],
  ])('refuses with "%s"', async (sentence, change) => {
    const error = await readGgufHeader(broken(change)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MixgateError);
    expect(error).toMatchObject({
      code: 'VARIANT_NOT_AVAILABLE',
      message: expect.stringContaining(sentence) as string,
    });
  });

  it('refuses a folder and a file that is not there', async () => {
    await expect(readGgufHeader(folder)).rejects.toMatchObject({ code: 'VARIANT_NOT_AVAILABLE' });
    await expect(readGgufHeader(path.join(folder, 'none.gguf'))).rejects.toMatchObject({
      code: 'VARIANT_NOT_AVAILABLE',
    });
  });

  it('gives where the weights start', async () => {
    const { dataOffset, fileBytes, tensors } = await readGgufHeader(file('Q2_K'));
    expect(dataOffset % 32).toBe(0);
    // llama.cpp writes tensors end to end, each padded to 32 bytes.
    const padded = tensors.reduce((sum, { bytes }) => sum + Math.ceil(bytes / 32) * 32, 0);
    expect(dataOffset + padded).toBe(fileBytes);
  });

  it('stops at a signal, with its reason', async () => {
    const reason = new Error('enough');
    await expect(readGgufHeader(file('Q2_K'), AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it.skipIf(process.platform === 'win32')('refuses a pipe instead of waiting for it', async () => {
    const pipe = path.join(folder, 'pipe.gguf');
    execFileSync('mkfifo', [pipe]);
    await expect(readGgufHeader(pipe)).rejects.toThrow('is not a file');
    rmSync(pipe);
  });

  it('refuses 100 million empty strings before it has read them all', async () => {
    const at = original.indexOf('tokenizer.ggml.tokens') + 'tokenizer.ggml.tokens'.length + 8;
    const head = Buffer.from(original.subarray(0, at + 8));
    head.writeBigUInt64LE(100_000_000n, at);
    const sparse = path.join(folder, 'sparse.bin');
    const handle = openSync(sparse, 'w');
    writeSync(handle, head);
    ftruncateSync(handle, 1e9);
    closeSync(handle);
    await expect(readGgufHeader(sparse)).rejects.toThrow('more than 512 MiB');
  });

  it('refuses the file wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: original.length - 1 }), async (length) => {
        const target = broken((bytes) => bytes.subarray(0, length));
        await expect(readGgufHeader(target)).rejects.toMatchObject({ code: 'VARIANT_NOT_AVAILABLE' });
      }),
      { numRuns: 60 },
    );
  });

  it('parses or refuses, and nothing else, whatever bytes are changed', async () => {
    const change = fc.tuple(fc.nat({ max: 70_000 }), fc.nat({ max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const target = broken((bytes) => changes.forEach(([at, byte]) => bytes.writeUInt8(byte, at)));
        try {
          ggufFacts(await readGgufHeader(target), target);
        } catch (error) {
          expect(error).toBeInstanceOf(MixgateError);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('Catalog', () => {
  it('knows the demo model from its metadata', async () => {
    const catalog = new Catalog({ directories: [demo], log });
    await catalog.scan();
    const [model] = catalog.models();
    expect(model).toMatchObject({
      id: 'tiny-mixtral-8x2m-instruct-demo',
      architecture: 'llama',
      parameters: 4_658_432,
      activeParameters: 2_299_136,
      experts: { count: 8, usedPerToken: 2 },
      layers: 2,
      contextLength: 1024,
      license: 'mit',
    });
    expect(model!.variants.map(({ quantization }) => quantization)).toEqual([
      'Q2_K',
      'Q4_K_M',
      'Q6_K',
      'Q8_0',
      'F16',
    ]);
    // As llama-quantize reported: MODEL_CARD's table.
    expect(model!.variants.map(({ bitsPerWeight }) => bitsPerWeight.toFixed(2))).toEqual([
      '3.50',
      '5.11',
      '6.62',
      '8.53',
      '16.02',
    ]);
    expect(model!.variants.map(({ sizeBytes }) => sizeBytes)).toContain(3_027_232);
  });

  it('names a variant by its metadata and not by its file', async () => {
    copyFileSync(file('Q8_0'), path.join(folder, 'llama-70b.Q2_K.gguf'));
    const catalog = new Catalog({ directories: [], log });
    const variant = await catalog.add(path.join(folder, 'llama-70b.Q2_K.gguf'));
    expect(variant.id).toBe('tiny-mixtral-8x2m-instruct-demo:Q8_0');
  });

  it('leaves a broken file out and says why when it is asked for', async () => {
    broken((bytes) => bytes.subarray(0, 100_000));
    const catalog = new Catalog({ directories: [folder, path.join(folder, 'missing')], log });
    await catalog.scan();
    expect(() => catalog.model('broken')).toThrow('cut short');
    expect(() => catalog.model('nobody')).toThrow('There is no model nobody');
  });
});
