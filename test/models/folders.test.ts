import {
  createWriteStream,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Catalog } from '../../src/models/catalog.ts';
import { mlcFiles, smallModel, splitModel, writeFile } from '../support/gguf-writer.ts';
import { recordingLog } from '../support/recording-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const open: Catalog[] = [];
afterEach(() => Promise.all(open.splice(0).map((catalog) => catalog.close())));

const demo = path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q2_K.gguf');

async function catalogOf(directories: string[], options: object = {}) {
  const { log, events, rejected } = recordingLog();
  const catalog = new Catalog({ directories, log, ...options });
  open.push(catalog);
  await catalog.scan();
  return { catalog, events, rejected };
}

const ids = (catalog: Catalog) => catalog.models().flatMap(({ variants }) => variants.map(({ id }) => id));

/** Waits until the catalog has these variants; fails after a generous while, and tells how long it took. */
async function until(catalog: Catalog, expected: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < 10_000) {
    if (JSON.stringify(ids(catalog)) === JSON.stringify(expected)) return performance.now() - startedAt;
    await delay(20);
  }
  expect(ids(catalog)).toEqual(expected);
  return Infinity;
}

describe('a watched folder', () => {
  it('shows what comes, what is replaced and what goes', async () => {
    const { catalog, events } = await catalogOf([folder()]);
    await catalog.watch('events');
    const file = writeFile(folder(), 'deep/er/ape.gguf', smallModel({ 'general.name': 'Ape' }));
    await until(catalog, ['ape:F16']);
    writeFileSync(file, smallModel({ 'general.name': 'Bee' }, 'Q8_0'));
    await until(catalog, ['bee:Q8_0']);
    renameSync(file, path.join(folder(), 'moved.gguf'));
    await until(catalog, ['bee:Q8_0']);
    rmSync(path.join(folder(), 'moved.gguf'));
    await until(catalog, []);
    expect(events.filter(({ event }) => event === 'catalog.rejected')).toEqual([]);
  });

  it('shows a file only once it is whole, and does not complain of it before', async () => {
    const { catalog, rejected } = await catalogOf([folder()]);
    await catalog.watch('events');
    const bytes = smallModel({ 'general.name': 'Slow' }, 'F16', 400_000);
    const stream = createWriteStream(path.join(folder(), 'slow.gguf'));
    for (let at = 0; at < bytes.length; at += bytes.length / 8) {
      stream.write(bytes.subarray(at, Math.min(at + bytes.length / 8, bytes.length)));
      expect(ids(catalog)).toEqual([]);
      await delay(150);
    }
    await new Promise((resolve) => stream.end(resolve));
    await until(catalog, ['slow:F16']);
    expect(rejected()).toEqual([]);
    expect(catalog.variant('slow:F16').sizeBytes).toBe(bytes.length);
  });

  it('takes a file of full size only when nobody writes to it any more', async () => {
    const { catalog } = await catalogOf([folder()]);
    await catalog.watch('events');
    const bytes = smallModel({ 'general.name': 'Reserved' });
    const file = writeFile(folder(), 'reserved.gguf', bytes);
    // As a downloader does that reserves the space first: the size is right from the start.
    for (let round = 0; round < 6; round++) {
      const now = Date.now() / 1000;
      utimesSync(file, now, now);
      await delay(100);
      expect(ids(catalog)).toEqual([]);
    }
    await until(catalog, ['reserved:F16']);
  });

  it('is noticed when it comes later, goes and comes back', async () => {
    const late = path.join(folder(), 'late');
    const { catalog } = await catalogOf([late]);
    await catalog.watch('events');
    for (let round = 0; round < 2; round++) {
      writeFile(late, 'ape.gguf', smallModel({ 'general.name': 'Ape' }));
      await until(catalog, ['ape:F16']);
      writeFile(late, 'bee.gguf', smallModel({ 'general.name': 'Bee' }));
      await until(catalog, ['ape:F16', 'bee:F16']);
      rmSync(late, { recursive: true });
      await until(catalog, []);
    }
  });

  it('is polled where the system tells nothing', async () => {
    const { catalog } = await catalogOf([folder()]);
    await catalog.watch('poll');
    writeFile(folder(), 'ape.gguf', smallModel({ 'general.name': 'Ape' }));
    await until(catalog, ['ape:F16']);
  });

  it('is told of what is damaged, once', async () => {
    const { catalog, events, rejected } = await catalogOf([folder()]);
    await catalog.watch('events');
    writeFile(folder(), 'bad.gguf', 'not a model at all');
    writeFile(folder(), 'good.gguf', smallModel({ 'general.name': 'Good' }));
    writeFile(folder(), 'twin.gguf', smallModel({ 'general.name': 'Good' }));
    await until(catalog, ['good:F16']);
    await catalog.scan();
    await catalog.scan();
    expect(rejected()).toMatchObject([{ path: path.join(folder(), 'bad.gguf') }]);
    expect(events.filter(({ event }) => event === 'catalog.duplicate')).toHaveLength(1);
    expect(() => catalog.model('bad')).toThrow('is not a GGUF file');
  });

  it('remembers what was removed, for what still runs of it', async () => {
    writeFile(folder(), 'ape.gguf', smallModel({ 'general.name': 'Ape' }));
    const { catalog } = await catalogOf([folder()]);
    rmSync(path.join(folder(), 'ape.gguf'));
    await catalog.scan();
    expect(catalog.availability('ape:F16')).toBe('REMOTE');
    expect(catalog.known('ape:F16')).toMatchObject({ quantization: 'F16' });
    expect(catalog.modelOf('ape:F16')).toMatchObject({ id: 'ape', name: 'Ape' });
    expect(() => catalog.variant('ape:F16')).toThrow('not on this machine any more');
  });
});

describe('hidden folders and links', () => {
  it('follows linked folders, once, also where they lead in circles', async () => {
    const elsewhere = path.join(folder(), 'elsewhere');
    const models = path.join(folder(), 'models');
    mkdirSync(models);
    writeFile(elsewhere, 'ape.gguf', smallModel({ 'general.name': 'Ape' }));
    symlinkSync(elsewhere, path.join(models, 'linked'));
    symlinkSync(models, path.join(models, 'circle'));
    symlinkSync('.', path.join(models, 'self'));
    symlinkSync(models, path.join(elsewhere, 'back'));
    const { catalog } = await catalogOf([models]);
    const startedAt = performance.now();
    await catalog.watch('events');
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(ids(catalog)).toEqual(['ape:F16']);
    writeFile(elsewhere, 'bee.gguf', smallModel({ 'general.name': 'Bee' }));
    await until(catalog, ['ape:F16', 'bee:F16']);
  });

  it('leaves hidden folders alone', async () => {
    writeFile(folder(), '.pulls/half.gguf', smallModel({ 'general.name': 'Half' }));
    const { catalog } = await catalogOf([folder()]);
    expect(ids(catalog)).toEqual([]);
  });
});

describe('a split model', () => {
  const name = (part: number, parts = 3) => `tiny-0000${part}-of-0000${parts}.gguf`;

  it('is one variant with the tensors of all its parts', async () => {
    const parts = await splitModel(demo, 3);
    parts.forEach((bytes, index) => writeFile(folder(), name(index + 1), bytes));
    const { catalog } = await catalogOf([folder()]);
    const [whole] = (await catalogOf([path.dirname(demo)])).catalog.variants(
      'tiny-mixtral-8x2m-instruct-demo',
      'Q2_K',
    );
    const [variant] = catalog.models()[0]!.variants;
    expect(ids(catalog)).toEqual([whole!.id]);
    expect(variant).toMatchObject({
      path: path.join(folder(), name(1)),
      weights: whole!.weights,
      sizeBytes: parts.reduce((sum, { length }) => sum + length, 0),
    });
    expect(variant!.files.map((file) => path.basename(file.path))).toEqual([name(1), name(2), name(3)]);
  });

  it('waits for its last part, and says which is missing', async () => {
    const parts = await splitModel(demo, 3);
    const { catalog } = await catalogOf([folder()]);
    await catalog.watch('events');
    writeFile(folder(), name(1), parts[0]!);
    writeFile(folder(), name(3), parts[2]!);
    await delay(600);
    expect(ids(catalog)).toEqual([]);
    await catalog.scan();
    expect(() => catalog.model('tiny')).toThrow('lacks part 2 of 3');
    writeFile(folder(), name(2), parts[1]!);
    await until(catalog, ['tiny-mixtral-8x2m-instruct-demo:Q2_K']);
  });

  it.each([
    ['says it is another', async () => [2, 1, 3]],
    ['says it is another', async () => [1, 2, 2]],
  ])('is refused where a part %s', async (sentence, order) => {
    const parts = await splitModel(demo, 3);
    (await order()).forEach((part, index) => writeFile(folder(), name(index + 1), parts[part - 1]!));
    const { catalog, rejected } = await catalogOf([folder()]);
    expect(ids(catalog)).toEqual([]);
    expect(rejected()).toMatchObject([{ reason: expect.stringContaining(sentence) as string }]);
  });

  it('must be named as llama.cpp wants it', async () => {
    writeFile(folder(), 'part-one.gguf', (await splitModel(demo, 2))[0]!);
    const { rejected } = await catalogOf([folder()]);
    expect(rejected()).toMatchObject([{ reason: expect.stringContaining('is one of 2 parts') as string }]);
  });

  it('can be added by any of its parts', async () => {
    const parts = await splitModel(demo, 2);
    parts.forEach((bytes, index) => writeFile(folder(), name(index + 1, 2), bytes));
    const { catalog } = await catalogOf([]);
    const variant = await catalog.add(path.join(folder(), name(2, 2)));
    expect(variant.path).toBe(path.join(folder(), name(1, 2)));
    expect(variant.files).toHaveLength(2);
  });
});

describe('a folder of MLC weights', () => {
  const place = 'Tiny-Llama-q4f16_1-MLC';
  const write = (files: Record<string, Buffer>, without: string[] = []) => {
    for (const [name, content] of Object.entries(files))
      if (!without.includes(name)) writeFile(folder(), path.join(place, name), content);
  };

  it('is a variant with what a browser needs', async () => {
    write(mlcFiles());
    writeFile(folder(), path.join(place, 'lib-webgpu.wasm'), Buffer.from('\0asm'));
    const { catalog } = await catalogOf([folder()]);
    const [model] = catalog.models();
    expect(model).toMatchObject({
      id: 'tiny-llama',
      name: 'Tiny Llama',
      architecture: 'llama',
      layers: 2,
      contextLength: 4096,
      chatTemplate: '{{ messages[0].content }}',
      license: null,
      tokenizer: { model: null, vocabularySize: 32 },
      // 32 × 8 and 64 × 8 words of eight 4-bit weights; scales are no parameters.
      parameters: 256 * 8 + 512 * 8,
    });
    expect(model!.variants[0]).toMatchObject({
      id: 'tiny-llama:q4f16_1',
      format: 'MLC',
      sizeBytes: 4096,
      qualityLoss: null,
      path: path.join(folder(), place),
      mlc: {
        library: 'lib-webgpu.wasm',
        libraryVersion: null,
        requiredFeatures: ['shader-f16'],
        requiredBytes: null,
      },
    });
  });

  it("knows the library and the needs of a model of web-llm's own list", async () => {
    for (const [name, content] of Object.entries(mlcFiles()))
      writeFile(folder(), path.join('Llama-3.2-1B-Instruct-q4f16_1-MLC', name), content);
    const { catalog } = await catalogOf([folder()]);
    expect(catalog.models()[0]!.variants[0]!.mlc).toMatchObject({
      library: expect.stringMatching(/^https:.*Llama-3\.2-1B-Instruct-q4f16_1.*\.wasm$/) as string,
      libraryVersion: 'v0_2_86/base',
      requiredFeatures: ['shader-f16'],
      requiredBytes: expect.any(Number) as number,
    });
  });

  it('is in one model with the GGUF files of the same name and shape', async () => {
    write(mlcFiles());
    const shape = { 'llama.block_count': 2, 'llama.embedding_length': 64 };
    writeFile(
      folder(),
      'x.gguf',
      smallModel({ 'general.name': 'Tiny Llama', 'general.license': 'mit', ...shape }),
    );
    const { catalog } = await catalogOf([folder()]);
    expect(ids(catalog)).toEqual(['tiny-llama:F16', 'tiny-llama:q4f16_1']);
    expect(catalog.model('tiny-llama').license).toBe('mit');
  });

  it.each([
    ['params_shard_0.bin', 'params_shard_0.bin is missing'],
    ['tensor-cache.json', 'has no tensor-cache.json'],
    ['tokenizer.json', 'has no tokenizer.json'],
  ])('appears only with its %s', async (missing, sentence) => {
    write(mlcFiles(), [missing]);
    const { catalog, rejected } = await catalogOf([folder()]);
    expect(ids(catalog)).toEqual([]);
    expect(rejected()).toMatchObject([{ reason: expect.stringContaining(sentence) as string }]);
    await catalog.watch('events');
    write(mlcFiles());
    await until(catalog, ['tiny-llama:q4f16_1']);
    rmSync(path.join(folder(), place), { recursive: true });
    await until(catalog, []);
  });

  it('is removed without what somebody else keeps in its folder', async () => {
    write(mlcFiles());
    const own = writeFile(folder(), path.join(place, 'thesis.docx'), 'mine');
    const other = writeFile(folder(), path.join(place, 'other.gguf'), smallModel({ 'general.name': 'Ape' }));
    const { catalog } = await catalogOf([folder()]);
    await catalog.remove('tiny-llama:q4f16_1');
    expect([statSync(own).size, statSync(other).size].every((size) => size > 0)).toBe(true);
    expect(ids(catalog)).toEqual(['ape:F16']);
  });

  it('may not name files outside of itself', async () => {
    const files = mlcFiles();
    const table = files['tensor-cache.json']!.toString().replace('params_shard_0.bin', '../../secret.bin');
    write({ ...files, 'tensor-cache.json': Buffer.from(table) });
    const { rejected } = await catalogOf([folder()]);
    expect(rejected()).toMatchObject([
      { reason: expect.stringContaining('is no plain file name') as string },
    ]);
  });
});

describe('models of one name', () => {
  it('that differ in shape are two models, each with its size in its id', async () => {
    writeFile(folder(), 'a.gguf', smallModel({ 'general.name': 'LLaMA v2' }, 'F16', 2_000_000));
    writeFile(
      folder(),
      'b.gguf',
      smallModel({ 'general.name': 'LLaMA v2', 'llama.block_count': 2 }, 'F16', 5_000_000),
    );
    const { catalog } = await catalogOf([folder()]);
    expect(ids(catalog)).toEqual(['llama-v2-2.0m:F16', 'llama-v2-5.0m:F16']);
    expect(() => catalog.model('llama-v2')).toThrow('say llama-v2-2.0m or llama-v2-5.0m');
  });

  it('and of one shape and size, too', async () => {
    writeFile(folder(), 'a.gguf', smallModel({ 'general.name': 'Same' }, 'F16', 2_000_000));
    writeFile(
      folder(),
      'b.gguf',
      smallModel({ 'general.name': 'Same', 'llama.block_count': 2 }, 'F16', 2_000_000),
    );
    const { catalog } = await catalogOf([folder()]);
    expect(ids(catalog)).toEqual(['same-1x32:F16', 'same-2x32:F16']);
  });
});

describe('the cache of headers', () => {
  it('spares reading a file again that has the same size and time, at the next start too', async () => {
    const cacheFile = path.join(folder(), 'cache', 'weights.json');
    const models = path.join(folder(), 'models');
    mkdirSync(models);
    const file = writeFile(models, 'ape.gguf', smallModel({ 'general.name': 'Ape' }));
    utimesSync(file, 1000, 1000);
    await catalogOf([models], { cacheFile, version: '1' });
    const { size } = statSync(file);
    writeFileSync(file, smallModel({ 'general.name': 'Bee' }));
    utimesSync(file, 1000, 1000);
    expect(statSync(file).size).toBe(size);
    expect(ids((await catalogOf([models], { cacheFile, version: '1' })).catalog)).toEqual(['ape:F16']);
    expect(ids((await catalogOf([models], { cacheFile, version: '2' })).catalog)).toEqual(['bee:F16']);
    writeFileSync(cacheFile, '{ broken');
    expect(ids((await catalogOf([models], { cacheFile, version: '1' })).catalog)).toEqual(['bee:F16']);
  });

  it('that cannot be written is only a complaint', async () => {
    writeFile(folder(), 'ape.gguf', smallModel({ 'general.name': 'Ape' }));
    const cacheFile = path.join(folder(), 'ape.gguf', 'weights.json');
    const { catalog, events } = await catalogOf([folder()], { cacheFile });
    expect(ids(catalog)).toEqual(['ape:F16']);
    expect(events.some(({ event }) => event === 'catalog.cacheFailed')).toBe(true);
  });
});

describe('two folders with the same variant', () => {
  it('use the one that is named first, and then the other', async () => {
    const [first, second] = ['first', 'second'].map((name) => path.join(folder(), name));
    const file = writeFile(first!, 'z.gguf', smallModel({ 'general.name': 'Ape' }));
    writeFile(second!, 'a.gguf', smallModel({ 'general.name': 'Ape' }));
    const { catalog, rejected } = await catalogOf([first!, second!]);
    expect(catalog.variant('ape:F16').path).toBe(file);
    expect(rejected()).toEqual([]);
    rmSync(file);
    await catalog.scan();
    expect(catalog.variant('ape:F16').path).toBe(path.join(second!, 'a.gguf'));
  });
});

describe('what never becomes whole', () => {
  it('is complained of after a while', async () => {
    const { catalog, rejected } = await catalogOf([folder()]);
    await catalog.watch('events');
    writeFile(folder(), 'half.gguf', smallModel().subarray(0, 100));
    while (rejected().length === 0) await delay(100);
    expect(rejected()).toMatchObject([{ reason: expect.stringContaining('header does not end') as string }]);
  });
});

describe('a folder that is not there', () => {
  it('is complained of once, with what to do', async () => {
    const { catalog, rejected } = await catalogOf([path.join(folder(), 'nowhere')]);
    await catalog.scan();
    await catalog.scan();
    expect(rejected()).toMatchObject([{ reason: expect.stringContaining('--models-dir') as string }]);
  });
});

describe('removing', () => {
  it('frees every copy', async () => {
    const bytes = smallModel({ 'general.name': 'Ape' });
    for (const name of ['a.gguf', 'b/c.gguf']) writeFile(folder(), name, bytes);
    const { catalog } = await catalogOf([folder()]);
    expect(await catalog.remove('ape:F16')).toBe(2 * bytes.length);
    expect(ids(catalog)).toEqual([]);
  });

  it('deletes all files of a variant, tells the bytes, and leaves no empty folder', async () => {
    const parts = await splitModel(demo, 2);
    parts.forEach((bytes, index) => writeFile(folder(), `a/b/tiny-0000${index + 1}-of-00002.gguf`, bytes));
    const other = writeFile(folder(), 'a/other.gguf', smallModel({ 'general.name': 'Ape' }));
    const { catalog } = await catalogOf([folder()]);
    const bytes = await catalog.remove('tiny-mixtral-8x2m-instruct-demo:Q2_K');
    expect(bytes).toBe(parts.reduce((sum, { length }) => sum + length, 0));
    expect(ids(catalog)).toEqual(['ape:F16']);
    expect(() => statSync(path.join(folder(), 'a/b'))).toThrow('ENOENT');
    expect(statSync(other).size).toBeGreaterThan(0);
  });

  it('refuses what comes with mixgate, and files from outside the folders', async () => {
    const embedded = path.join(folder(), 'own');
    writeFile(embedded, 'ape.gguf', smallModel({ 'general.name': 'Ape' }));
    const { catalog } = await catalogOf([], { embedded });
    await expect(catalog.remove('ape:F16')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const outside = await catalog.add(writeFile(folder(), 'bee.gguf', smallModel({ 'general.name': 'Bee' })));
    await expect(catalog.remove(outside.id)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(statSync(outside.path).size).toBeGreaterThan(0);
  });
});
