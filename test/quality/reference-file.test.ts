import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ReferenceFile, rowBytes, Rows } from '../../src/backends/llama-cpp/runner/score/reference-file.ts';
import { ReferenceFolder } from '../../src/generation/quality/reference-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const reference = (mode: 'WRITE' | 'READ', maxBytes = 10_000) =>
  ({ path: path.join(folder(), 'a.reference'), mode, maxBytes }) as const;
const shape = { vocabularySize: 5, rows: 3, digest: 'd' };

async function write(): Promise<void> {
  const file = await ReferenceFile.open(reference('WRITE'), shape);
  for (const [count, from] of [
    [2, 0],
    [1, 2],
  ] as const) {
    const rows = new Rows(count, 5);
    for (let index = 0; index < count; index++) {
      rows.setTop(index, from + index);
      rows.halves(index).set([1, 2, 3, 4, 5].map((half) => half + 10 * (from + index)));
    }
    await file.append(rows);
  }
  await file.close();
}

describe('a reference file', () => {
  it('gives back what was written, in batches of any size, and has the size that was reckoned', async () => {
    await write();
    const file = await ReferenceFile.open(reference('READ'), shape);
    const first = await file.next(1, 5);
    const rest = await file.next(2, 5);
    await file.close();
    expect([first.top(0), ...first.halves(0)]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([rest.top(1), ...rest.halves(1)]).toEqual([2, 21, 22, 23, 24, 25]);
    expect(statSync(reference('READ').path).size).toBe(128 + 3 * rowBytes(5));
  });

  it('is refused for another text or tokenizer', async () => {
    await write();
    for (const other of [{ digest: 'e' }, { vocabularySize: 6 }, { rows: 4 }])
      await expect(ReferenceFile.open(reference('READ'), { ...shape, ...other })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
      });
  });

  it('is bounded', async () => {
    await expect(ReferenceFile.open(reference('WRITE', 160), shape)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      data: { neededBytes: 176, maxBytes: 160 },
    });
    expect(readdirSync(folder())).toEqual([]);
  });

  it('says DISK_FULL before it begins', async () => {
    await expect(
      ReferenceFile.open(reference('WRITE', Infinity), { ...shape, rows: 2 ** 45 }),
    ).rejects.toMatchObject({ code: 'DISK_FULL' });
  });
});

describe('the folder of reference files', () => {
  const name = (pid: number) => `${pid}-01234567-89ab-cdef-0123-456789abcdef.reference`;
  /** No process can have it: Linux counts to 2^22. */
  const DEAD = 2 ** 22 + 1;

  it('loses what killed processes left, and nothing else', async () => {
    const own = new ReferenceFolder(folder());
    const { path: file, remove } = await own.create();
    writeFileSync(file, '');
    const kept = [name(process.ppid), 'notes.txt', path.basename(file)];
    for (const each of [name(DEAD), name(process.pid), ...kept]) writeFileSync(path.join(folder(), each), '');
    await own.sweep();
    expect(readdirSync(folder()).toSorted()).toEqual(kept.toSorted());
    await remove();
    expect(readdirSync(folder())).not.toContain(path.basename(file));
  });

  it('says FORBIDDEN where it cannot be', async () => {
    writeFileSync(path.join(folder(), 'file'), '');
    const own = new ReferenceFolder(path.join(folder(), 'file', 'quality'));
    await expect(own.create()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
