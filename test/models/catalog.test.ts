import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Catalog } from '../../src/models/catalog.ts';
import { recordingLog } from '../support/recording-log.ts';

const MODEL = 'tiny-mixtral-8x2m-instruct-demo';
const demo = path.resolve(import.meta.dirname, '../../models/demo');
const demoFile = (quantization: string) => path.join(demo, `tiny-mixtral-8x2M.${quantization}.gguf`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mixgate-catalog-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function scanned(...directories: string[]) {
  const { log, events, rejected } = recordingLog();
  const catalog = new Catalog({ directories, log });
  await catalog.scan();
  return { catalog, events, rejected };
}

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

const F16 = 1;
const Q8_0 = 8;

/** A sound dense model of one layer tensor and an F32 norm; `fields` are added to, or replace, its metadata. */
function writeModel(name: string, fields: Record<string, string | number> = {}, layerType = F16): string {
  const metadata = {
    'general.architecture': 'llama',
    'llama.block_count': 1,
    'llama.context_length': 64,
    'llama.embedding_length': 32,
    'llama.attention.head_count': 4,
    ...fields,
  };
  const entries = Object.entries(metadata).map(([key, value]) =>
    typeof value === 'string'
      ? Buffer.concat([text(key), u32(8), text(value)])
      : Buffer.concat([text(key), u32(4), u32(value)]),
  );
  const tensor = (tensorName: string, type: number, elements: number, offset: number) =>
    Buffer.concat([text(tensorName), u32(1), u64(elements), u32(type), u64(offset)]);
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(2),
    u64(entries.length),
    ...entries,
    tensor('blk.0.ffn_up.weight', layerType, 64, 0),
    tensor('output_norm.weight', 0, 32, 128),
  ]);
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat([header, Buffer.alloc(((32 - (header.length % 32)) % 32) + 256)]));
  return file;
}

describe('scan', () => {
  it('finds files in subfolders and reports what it found', async () => {
    writeModel('a/deep/one.gguf', { 'general.name': 'Zebra' });
    writeModel('two.gguf', { 'general.name': 'Ape' });
    writeFileSync(path.join(folder, 'notes.txt'), 'no model');
    const { catalog, events } = await scanned(folder);
    expect(catalog.models().map(({ id }) => id)).toEqual(['ape', 'zebra']);
    expect(events).toEqual([
      { event: 'catalog.scanned', fields: { models: 2, variants: 2, ms: expect.any(Number) as number } },
    ]);
  });

  it('logs a missing folder and reads the others', async () => {
    const missing = path.join(folder, 'missing');
    const { catalog, rejected } = await scanned(missing, demo);
    expect(rejected()).toMatchObject([{ path: missing }]);
    expect(catalog.model(MODEL).variants).toHaveLength(5);
  });

  it('keeps the first of two files of one variant, by path, and logs the second', async () => {
    const second = writeModel('b.gguf', { 'general.name': 'Twin' });
    const first = writeModel('a.gguf', { 'general.name': 'Twin' });
    const { catalog, events } = await scanned(folder);
    expect(catalog.model('twin').variants.map((variant) => variant.path)).toEqual([first]);
    const duplicates = events
      .filter(({ event }) => event === 'catalog.duplicate')
      .map(({ fields }) => fields);
    expect(duplicates).toMatchObject([{ path: second, reason: expect.stringContaining(first) as string }]);
  });

  it('groups by the name in the metadata, whatever the files are called', async () => {
    writeModel('x.gguf', { 'general.name': 'Same', 'general.file_type': 1 });
    writeModel('y.gguf', { 'general.name': 'Same', 'general.file_type': 7 }, Q8_0);
    const { catalog } = await scanned(folder);
    expect(
      catalog
        .model('same')
        .variants.map(({ id }) => id)
        .sort(),
    ).toEqual(['same:F16', 'same:Q8_0']);
  });

  it('names a quantization by the tensor table, whatever file name and metadata claim', async () => {
    writeModel('big.Q2_K.gguf', { 'general.name': 'Big', 'general.file_type': 10 }, Q8_0);
    const { catalog } = await scanned(folder);
    expect(catalog.model('big').variants.map(({ id }) => id)).toEqual(['big:Q8_0']);
  });

  it('names a quantization that the metadata leaves out by the type that most of the layers have', async () => {
    writeModel('plain.Q4_K_M.gguf', { 'general.name': 'Plain', 'general.file_type': 9999 });
    const { catalog } = await scanned(folder);
    expect(catalog.model('plain').variants[0]).toMatchObject({ id: 'plain:F16', modelId: 'plain' });
  });

  it.each(['adapter', 'mmproj'])('leaves out a file that holds a %s', async (type) => {
    const file = writeModel('side.gguf', { 'general.type': type });
    const { catalog, rejected } = await scanned(folder);
    expect(catalog.models()).toEqual([]);
    expect(rejected()).toMatchObject([{ path: file, reason: expect.stringContaining(type) as string }]);
  });
});

describe('a model without a usable name', () => {
  it('is called as its file without the quantization, so that its variants stay together', async () => {
    writeModel('foo-Q8_0.gguf', { 'general.file_type': 7 }, Q8_0);
    writeModel('foo.f16.gguf', { 'general.file_type': 1, 'general.name': '日本語' });
    const { catalog } = await scanned(folder);
    expect(catalog.models().map(({ id }) => id)).toEqual(['foo']);
    expect(catalog.model('foo').variants).toHaveLength(2);
  });

  it('has a KV length of 0 where it has no attention', async () => {
    const variant = await (
      await scanned()
    ).catalog.add(writeModel('s.gguf', { 'llama.attention.head_count': 0 }));
    expect(variant.weights.kvLengthPerLayer).toBe(0);
  });
});

describe('a second scan', () => {
  it('drops what is gone, takes what was mended and keeps what was added', async () => {
    const { catalog } = await scanned(folder);
    const gone = writeModel('gone.gguf');
    writeFileSync(path.join(folder, 'mended.gguf'), 'broken');
    await catalog.add(demoFile('Q2_K'));
    await catalog.scan();
    expect(() => catalog.model('mend')).toThrow('is not a GGUF file');
    rmSync(gone);
    writeModel('mended.gguf');
    await catalog.scan();
    expect(catalog.models().map(({ id }) => id)).toEqual(['mended', MODEL]);
  });

  it('gives the same variant for a file that did not change', async () => {
    const { catalog } = await scanned(demo);
    const before = catalog.variant(`${MODEL}:Q2_K`);
    await catalog.scan();
    expect(catalog.variant(`${MODEL}:Q2_K`)).toBe(before);
  });
});

describe('look-ups', () => {
  it('takes a model id in any case, and nothing but a model id', async () => {
    const { catalog } = await scanned(demo);
    expect(catalog.model(MODEL.toUpperCase()).id).toBe(MODEL);
    expect(() => catalog.model(`${MODEL}:Q8_0`)).toThrow(
      expect.objectContaining({ code: 'MODEL_NOT_FOUND' }),
    );
  });

  it('says which models there are and how to add one', async () => {
    const { catalog } = await scanned(demo);
    expect(() => catalog.model('nobody')).toThrow(
      expect.objectContaining({ code: 'MODEL_NOT_FOUND', data: { models: [MODEL] } }),
    );
    expect(() => catalog.model('nobody')).toThrow(/tiny-mixtral.*--models-dir/);
  });

  it('gives the variants of a quantization in any case, or says which there are', async () => {
    const { catalog } = await scanned(demo);
    expect(catalog.variants(MODEL, 'q4_k_m').map(({ id }) => id)).toEqual([`${MODEL}:Q4_K_M`]);
    expect(catalog.variants(MODEL, null)).toHaveLength(5);
    expect(() => catalog.variants(MODEL, 'Q5_0')).toThrow(
      expect.objectContaining({
        code: 'VARIANT_NOT_AVAILABLE',
        data: { quantizations: ['Q2_K', 'Q4_K_M', 'Q6_K', 'Q8_0', 'F16'] },
      }),
    );
  });

  it('gives a variant by its id', async () => {
    const { catalog } = await scanned(demo);
    expect(catalog.variant(`${MODEL}:Q6_K`)).toMatchObject({ path: demoFile('Q6_K'), sizeBytes: 3_906_336 });
    expect(() => catalog.variant('nobody:Q6_K')).toThrow(
      expect.objectContaining({ code: 'VARIANT_NOT_AVAILABLE' }),
    );
  });
});

describe('add', () => {
  it('adds a file once, however often it is given', async () => {
    const { catalog } = await scanned();
    const first = await catalog.add(demoFile('Q2_K'));
    expect(await catalog.add(demoFile('Q2_K'))).toEqual(first);
    expect(catalog.model(MODEL).variants).toEqual([first]);
  });

  it('replaces the same variant from another path', async () => {
    const { catalog } = await scanned(demo);
    const copy = path.join(folder, 'copy.gguf');
    copyFileSync(demoFile('Q2_K'), copy);
    await catalog.add(copy);
    expect(catalog.variant(`${MODEL}:Q2_K`).path).toBe(copy);
    expect(catalog.model(MODEL).variants).toHaveLength(5);
  });

  it('throws what is wrong with the file and keeps what was there', async () => {
    const { catalog } = await scanned(demo);
    const file = path.join(folder, 'text.gguf');
    writeFileSync(file, 'hello, I am text');
    await expect(catalog.add(file)).rejects.toMatchObject({
      code: 'VARIANT_NOT_AVAILABLE',
      message: expect.stringContaining('is not a GGUF file') as string,
      data: { path: file },
    });
    expect(catalog.models()).toHaveLength(1);
  });
});
