import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filesForBrowser } from '../../src/models/browser-files.ts';
import { readGgufLayout, type GgufLayout } from '../../src/models/gguf.ts';
import { checkParts, partNames } from '../../src/models/gguf-split.ts';
import { virtualSplit, type VirtualPart } from '../../src/models/gguf-virtual-split.ts';
import { ggufBytes, splitModel, writeFile } from '../support/gguf-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { partBytes, writeParts } from '../support/virtual-parts.ts';

const demo = path.resolve(import.meta.dirname, '../../models/demo/tiny-mixtral-8x2M.Q8_0.gguf');
const demoBytes = readFileSync(demo);
const folder = temporaryFolder();

const file = (name: string) => ({ path: name, sizeBytes: readFileSync(name).length });
async function split(names: readonly string[], limit: number): Promise<readonly VirtualPart[]> {
  const parts = await filesForBrowser(names.map(file), limit);
  return parts.map((part) => {
    if ('segments' in part) return part;
    throw new Error(`${part.path} was not cut`);
  });
}

/** Every tensor's bytes by name, in order. */
const tensorsOf = (layout: GgufLayout, bytes: Buffer): [string, string, string][] =>
  layout.tensors.map(({ name, type, offset, bytes: length }) => {
    const start = layout.dataOffset + offset;
    return [name, type, bytes.subarray(start, start + length).toString('latin1')];
  });

/** Metadata's bytes as they are in the file, without what says how it was cut. */
const entriesOf = ({ entries }: GgufLayout, bytes: Buffer): string[] =>
  entries
    .filter(({ key }) => !key.startsWith('split.'))
    .map(({ start, end }) => bytes.toString('latin1', start, end));

/** Writes the parts, reads them as one split model, and sees that nothing but the cutting has changed. */
async function expectSame(
  parts: readonly VirtualPart[],
  originals: readonly Buffer[],
  layouts: GgufLayout[],
) {
  const paths = writeParts(folder(), parts);
  expect(paths.map((each) => path.basename(each))).toEqual(partNames(parts[0]!.name));
  const written = await Promise.all(paths.map((each) => readGgufLayout(each)));
  const bytes = paths.map((each) => readFileSync(each));
  checkParts(written, parts[0]!.name);
  for (const { entries } of written) expect(new Set(entries.map(({ key }) => key)).size).toBe(entries.length);
  expect(written.map(({ metadata }) => metadata.get('split.tensors.count'))).toEqual(
    written.map(() => layouts.reduce((sum, { tensors }) => sum + tensors.length, 0)),
  );
  expect(bytes.map(({ length }) => length)).toEqual(parts.map(({ sizeBytes }) => sizeBytes));
  expect(entriesOf(written[0]!, bytes[0]!)).toEqual(entriesOf(layouts[0]!, originals[0]!));
  expect(written.flatMap((layout, index) => tensorsOf(layout, bytes[index]!))).toEqual(
    layouts.flatMap((layout, index) => tensorsOf(layout, originals[index]!)),
  );
  return written;
}

describe('a model that is cut for a browser', () => {
  it('is the same model, whatever a part may have', async () => {
    const layout = await readGgufLayout(demo);
    const limits = fc.integer({ min: 50_000, max: demoBytes.length - 1 });
    await fc.assert(
      fc.asyncProperty(limits, async (limit) => {
        const parts = await split([demo], limit);
        const written = await expectSame(parts, [demoBytes], [layout]);
        parts.forEach(({ sizeBytes }, index) => {
          const isLone = written[index]!.tensors.length <= (index === 0 ? 0 : 1);
          if (!isLone) expect(sizeBytes).toBeLessThanOrEqual(limit);
        });
      }),
      { numRuns: 25 },
    );
  });

  it('is cut into as few parts as its tensors, in their order, allow', async () => {
    const layout = await readGgufLayout(demo);
    const parts = await split([demo], 1_500_000);
    const written = await expectSame(parts, [demoBytes], [layout]);
    written.slice(1).forEach(({ tensors }, index) => {
      expect(parts[index]!.sizeBytes + tensors[0]!.bytes).toBeGreaterThan(1_500_000);
    });
  });

  it('is not touched where it is small enough', async () => {
    const files = [file(demo)];
    expect(await filesForBrowser(files, demoBytes.length)).toBe(files);
    const parts = (await splitModel(demo, 3)).map((bytes, index) =>
      writeFile(folder(), `tiny-0000${index + 1}-of-00003.gguf`, bytes),
    );
    const largest = Math.max(...parts.map((each) => file(each).sizeBytes));
    const small = parts.map(file);
    expect(await filesForBrowser(small, largest)).toBe(small);
    expect(
      await filesForBrowser([file(path.join(import.meta.dirname, '../../package.json'))], 1),
    ).toHaveLength(1);
  });

  it('is cut anew where it is cut already, but into parts too large', async () => {
    const originals = await splitModel(demo, 2);
    const names = originals.map((bytes, index) =>
      writeFile(folder(), `tiny-0000${index + 1}-of-00002.gguf`, bytes),
    );
    const layouts = await Promise.all(names.map((each) => readGgufLayout(each)));
    const parts = await split(names, 700_000);
    expect(parts[0]!.name).toMatch(/^tiny-00001-of-000\d\d.gguf$/);
    await expectSame(parts, originals, layouts);
  });

  it('pads what was not padded', async () => {
    // 34 bytes each, and the last one is not filled up.
    const tensors = ['a', 'b', 'c'].map((name, index) => ({
      name,
      type: 'Q8_0',
      dimensions: [32],
      data: Buffer.alloc(34, index + 1),
    }));
    const whole = ggufBytes({ 'general.architecture': 'llama' }, tensors);
    const bytes = whole.subarray(0, whole.length - 30);
    const name = writeFile(folder(), 'odd.gguf', bytes);
    const parts = await split([name], 1);
    const written = await expectSame(parts, [bytes], [await readGgufLayout(name)]);
    expect(written.map((each) => each.tensors.length)).toEqual([0, 1, 1, 1]);
    expect(parts.map(({ sizeBytes }) => sizeBytes % 32)).toEqual([0, 0, 0, 0]);
    const fewer = await split([name], bytes.length - 1);
    const again = await expectSame(fewer, [bytes], [await readGgufLayout(name)]);
    expect(again.some((each) => each.tensors.length > 1)).toBe(true);
  });

  it('follows the table where the data is in another order', async () => {
    const tensors = [1, 2, 3].map((byte) => ({
      name: `t${byte}`,
      type: 'F32',
      dimensions: [16],
      data: Buffer.alloc(64, byte),
    }));
    const bytes = ggufBytes({ 'general.architecture': 'llama' }, tensors);
    const { tensors: places } = await readGgufLayout(writeFile(folder(), 'order.gguf', bytes));
    bytes.writeBigUInt64LE(128n, places[0]!.end - 8);
    bytes.writeBigUInt64LE(0n, places[2]!.end - 8);
    const name = writeFile(folder(), 'order.gguf', bytes);
    const parts = await split([name], bytes.length - 1);
    const written = await expectSame(parts, [bytes], [await readGgufLayout(name)]);
    expect(written.some((each) => each.tensors.length > 1)).toBe(true);
  });

  it('keeps an alignment of its own in every part', async () => {
    const tensors = ['a', 'b', 'c'].map((name) => ({ name, type: 'F32', dimensions: [16] }));
    const candidates = [0, 1].map((half) =>
      ggufBytes({ 'general.alignment': 64, 'general.name': 'x'.repeat(1 + 32 * half) }, tensors),
    );
    // The writer knows 32 only: one of the two is right for 64 as well.
    const bytes = candidates.find(({ length }) => length % 64 === 0)!;
    const name = writeFile(folder(), 'aligned.gguf', bytes);
    const parts = await split([name], 1);
    const written = await expectSame(parts, [bytes], [await readGgufLayout(name)]);
    expect(written.map(({ alignment }) => alignment)).toEqual([64, 64, 64, 64]);
    expect(parts.map(({ sizeBytes }) => sizeBytes % 64)).toEqual([0, 0, 0, 0]);
  });

  it('is refused with what to do where a tensor is too large for any part', async () => {
    const layout = await readGgufLayout(demo);
    const tensors = layout.tensors.map((each, index) => (index === 3 ? { ...each, bytes: 2 ** 31 } : each));
    const table = demoBytes.subarray(tensors[0]!.start, tensors.at(-1)!.end);
    const source = { path: demo, layout: { ...layout, tensors }, table };
    expect(() => virtualSplit([source], 1.9e9)).toThrowError(
      expect.objectContaining({
        code: 'VARIANT_NOT_AVAILABLE',
        message: expect.stringMatching(
          new RegExp(`${tensors[3]!.name} .* ask for a smaller quantization`),
        ) as string,
      }) as Error,
    );
    // Below that it has a part of its own.
    const large = tensors.map((each, index) => (index === 3 ? { ...each, bytes: 2 ** 31 - 2 ** 20 } : each));
    const parts = virtualSplit([{ ...source, layout: { ...layout, tensors: large } }], 1.9e9);
    expect(parts).toHaveLength(3);
    expect(parts[1]!.sizeBytes).toBeLessThan(2 ** 31);
  });

  it('is refused where its file is gone', async () => {
    await expect(
      filesForBrowser([{ path: path.join(folder(), 'gone.gguf'), sizeBytes: 10 }], 1),
    ).rejects.toMatchObject({ code: 'VARIANT_NOT_AVAILABLE' });
  });

  it('takes from memory little more than its tensor tables', async () => {
    const parts = await split([demo], 1_500_000);
    const held = parts.flatMap(({ segments }) => segments.filter((each) => each instanceof Uint8Array));
    expect(held.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(8192);
    expect(partBytes(parts[0]!).length).toBe(parts[0]!.sizeBytes);
  });
});
