import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileHashes } from '../../src/models/file-hashes.ts';
import { libraryAmong } from '../../src/models/mlc-library.ts';
import { mlcFacts } from '../../src/models/mlc-facts.ts';
import { servedFolder } from '../../src/models/mlc-served.ts';
import { ModelLibraries } from '../../src/models/model-libraries.ts';
import { AddressPolicy } from '../../src/models/pull/address-policy.ts';
import { Http } from '../../src/models/pull/http.ts';
import { mlcUnit } from '../../src/models/weight-units.ts';
import { writeFile } from '../support/gguf-writer.ts';
import { HubServer } from '../support/hub-server.ts';
import { makeMlcModel, MLC_LIBRARY } from '../support/mlc-model/make-mlc-model.ts';
import { recordingLog } from '../support/recording-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string): string => path.join(folder(), name);

/** A module of the imports alone: `(module (import "env" NAME (func)) …)`. */
function moduleOf(...imports: string[]): Buffer {
  const text = (value: string) => [value.length, ...Buffer.from(value)];
  const section = (id: number, content: number[]) => [id, ...length(content.length), ...content];
  const length = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...length(value >> 7)];
  const entries = imports.flatMap((name) => [...text('env'), ...text(name), 0, 0]);
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Buffer.from([
    ...header,
    ...section(1, [1, 0x60, 0, 0]),
    ...section(2, [imports.length, ...entries]),
  ]);
}

describe('a model library', () => {
  const judged = async (name: string, content: Buffer) => libraryAmong([writeFile(folder(), name, content)]);

  it.each([
    ['of the current engine', ['TVMFFIWasmSafeCall', 'TVMFFIWasmFunctionDeleter'], 'FFI', null],
    [
      'of web-llm 0.2.80',
      ['TVMFFIWasmSafeCall', '_ZN3tvm7runtime9threading15ResetThreadPoolEv'],
      null,
      /another version of web-llm \(it wants _ZN3tvm7runtime9threading15ResetThreadPoolEv\)/,
    ],
    ['of web-llm 0.2.30', ['TVMWasmPackedCFunc'], null, /another version.*tvmjs\.runtime\.ArrayConcat/],
    ['of something else', ['alert'], null, /no model library/],
  ] as const)('%s is known by what it imports', async (_what, imports, interface_, problem) => {
    const library = await judged('lib.wasm', moduleOf(...imports));
    expect(library).toMatchObject({ name: 'lib.wasm', interface: interface_ });
    if (problem === null) expect(library!.problem).toBeNull();
    else expect(library!.problem).toMatch(problem);
  });

  it('of web-llm 0.2.79 is known by a function that it names', async () => {
    const custom = Buffer.concat([
      moduleOf('TVMWasmPackedCFunc', 'TVMWasmPackedCFuncFinalizer'),
      Buffer.from([0, 30, 1, 0x78]),
      Buffer.from('tvmjs.runtime.ArrayConcat'.padEnd(28, ' ')),
    ]);
    expect(await judged('lib.wasm', custom)).toMatchObject({ interface: 'PACKED', problem: null });
  });

  it('that is no WebAssembly, or was cut, is refused', async () => {
    const whole = moduleOf('TVMFFIWasmSafeCall');
    for (const content of [Buffer.from('<html>'), whole.subarray(0, -3), Buffer.alloc(0)])
      expect((await judged('lib.wasm', content))!.problem).toMatch(/no WebAssembly/);
  });

  it('that runs is taken before one that does not', async () => {
    const files = [
      writeFile(folder(), 'a.wasm', moduleOf('alert')),
      writeFile(folder(), 'b.wasm', moduleOf('TVMFFIWasmSafeCall')),
    ];
    expect(await libraryAmong(files)).toMatchObject({ name: 'b.wasm', problem: null });
  });
});

describe("libraries of web-llm's own list", () => {
  const library = moduleOf('TVMFFIWasmSafeCall');
  let hub: HubServer;
  let http: Http;
  let libraries: ModelLibraries;
  beforeEach(async () => {
    hub = await HubServer.start({ 'good.wasm': library, 'bad.wasm': Buffer.from('<html>') });
    http = new Http({
      policy: new AddressPolicy(['127.0.0.1']),
      token: null,
      userAgent: 'test',
      answerMs: 2000,
    });
    libraries = new ModelLibraries({ folder: at('libraries'), http, log: recordingLog().log });
  });
  afterEach(async () => {
    await http.close();
    await hub.stop();
  });
  const place = (name: string) => new URL(`${hub.url}/plain/${name}`);

  it('are fetched once', async () => {
    const [one, two] = await Promise.all([
      libraries.get(place('good.wasm'), '/weights'),
      libraries.get(place('good.wasm'), '/weights'),
    ]);
    expect(one).toEqual(two);
    expect(readFileSync(one.path).equals(library)).toBe(true);
    expect(hub.requests).toHaveLength(1);
    expect(await libraries.get(place('good.wasm'), '/weights')).toEqual(one);
    expect(hub.requests).toHaveLength(1);
  });

  it('that cannot be had say where to put them by hand', async () => {
    await expect(libraries.get(place('absent.wasm'), '/weights')).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringContaining('put absent.wasm from') as string,
    });
  });

  it('that are none are refused, and asked for again the next time', async () => {
    await expect(libraries.get(place('bad.wasm'), '/weights')).rejects.toMatchObject({
      code: 'VARIANT_NOT_AVAILABLE',
    });
    hub.files.set('bad.wasm', library);
    expect((await libraries.get(place('bad.wasm'), '/weights')).sizeBytes).toBe(library.length);
  });
});

describe('a folder of MLC weights', () => {
  const served = async () => {
    await makeMlcModel(at('tiny-chain-q4f32_1-MLC'));
    return (await mlcFacts(await mlcUnit(at('tiny-chain-q4f32_1-MLC')))).variant;
  };
  const nothing = {} as ModelLibraries;

  it('is served with both names of its table, its library, and every hash', async () => {
    const variant = await served();
    const hashes = new FileHashes(at('hashes.json'));
    const { files, library } = await servedFolder(variant, { hashes, libraries: nothing });
    expect(library).toBe(MLC_LIBRARY);
    const names = files.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['tensor-cache.json', 'ndarray-cache.json', MLC_LIBRARY]));
    expect(files.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
  });

  it('is read again only when a file has changed, also after a restart', async () => {
    const variant = await served();
    const shard = path.join(variant.path, 'params_shard_0.bin');
    await servedFolder(variant, { hashes: new FileHashes(at('hashes.json')), libraries: nothing });
    const content = readFileSync(shard);
    content[0]! ^= 1;
    writeFileSync(shard, content);
    const again = () =>
      servedFolder(variant, { hashes: new FileHashes(at('hashes.json')), libraries: nothing });
    await expect(again()).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
    content[0]! ^= 1;
    writeFileSync(shard, content);
    utimesSync(shard, 1e9, 1e9);
    expect((await again()).files.length).toBeGreaterThan(4);
  });

  it('with a damaged cache of hashes is just read again', async () => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(at('hashes.json'), '{"x":');
    const variant = await served();
    const hashes = new FileHashes(at('hashes.json'));
    expect((await servedFolder(variant, { hashes, libraries: nothing })).files.length).toBeGreaterThan(4);
  });
});
