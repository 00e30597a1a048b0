import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MixgateError } from '../../src/errors.ts';
import { AddressPolicy } from '../../src/models/pull/address-policy.ts';
import { Http } from '../../src/models/pull/http.ts';
import { PartFile, type TransferOptions } from '../../src/models/pull/part-file.ts';
import { httpFile, type Digest } from '../../src/models/pull/remote-file.ts';
import { HubServer } from '../support/hub-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KIB = 1024;
const content = randomBytes(700 * KIB);
const sha256: Digest = { algorithm: 'sha256', hex: createHash('sha256').update(content).digest('hex') };
const folder = temporaryFolder();

let hub: HubServer;
let http: Http;
beforeEach(async () => {
  hub = await HubServer.start({ 'm.gguf': content });
  http = new Http({
    policy: new AddressPolicy(['127.0.0.1']),
    token: null,
    userAgent: 'test',
    answerMs: 2000,
  });
});
afterEach(async () => {
  await http.close();
  await hub.stop();
});

const OPTIONS: TransferOptions = {
  connections: 3,
  segmentBytes: 128 * KIB,
  stallMs: 200,
  attempts: 3,
  retryMs: 5,
};

interface Setup {
  readonly sizeBytes?: number | null;
  readonly digest?: Digest | null;
  readonly options?: Partial<TransferOptions>;
}

function part({ sizeBytes = content.length, digest = sha256, options = {} }: Setup = {}) {
  const remote = httpFile(http, new URL(`${hub.url}/plain/m.gguf`), { name: 'm.gguf', sizeBytes, digest });
  const hooks = { onBytes: () => undefined, checkRoom: async () => undefined };
  return new PartFile(remote, path.join(folder(), '0.part'), { ...OPTIONS, ...options }, hooks);
}

const forever = new AbortController().signal;
const isWhole = (file: PartFile) => readFileSync(file.path).equals(content);

/** Begins to fetch it and stops when some of it is there. */
async function stoppedMidway(file: PartFile): Promise<void> {
  const controller = new AbortController();
  const downloading = file.download(controller.signal);
  while (file.receivedBytes < 200 * KIB) await new Promise((resolve) => setTimeout(resolve, 1));
  controller.abort(new Error('enough'));
  await expect(downloading).rejects.toThrow('enough');
}

describe('a part', () => {
  it('is fetched in ranges, several at once', async () => {
    const file = part();
    await file.download(forever);
    expect(isWhole(file)).toBe(true);
    expect(hub.rangesOf('m.gguf').sort()).toEqual(
      [0, 1, 2, 3, 4, 5]
        .map((index) => {
          const end = Math.min((index + 1) * 128 * KIB, content.length) - 1;
          return `bytes=${index * 128 * KIB}-${end}`;
        })
        .sort(),
    );
  });

  it.each([
    ['cut after 40 KiB of each answer', { cutAfter: 40 * KIB }],
    ['stalled after 50 KiB of three answers', { stallAfter: 50 * KIB, times: 3 }],
    ['answered 503 twice', { status: 503, times: 2 }],
    ['answered 429 with a time to wait', { status: 429, retryAfter: '0', times: 2 }],
    ['sent whole by a server without ranges', { noRanges: true }],
    ['sent whole and cut twice', { noRanges: true, cutAfter: 300 * KIB, times: 2 }],
    ['sent without a length', { noLength: true }],
    [
      'sent whole, cut far in once and slowly then',
      { noRanges: true, cutAfter: 600 * KIB, times: 1, pauseMs: 1 },
    ],
  ])('is whole though it was %s', async (_what, faults) => {
    hub.faults = faults;
    const file = part();
    await file.download(forever);
    expect(isWhole(file)).toBe(true);
  });

  it('is whole though nobody said how long it is', async () => {
    hub.faults = { noRanges: true, noLength: true };
    const file = part({ sizeBytes: null, digest: null });
    await file.download(forever);
    expect(isWhole(file)).toBe(true);
    expect(file.sizeBytes).toBe(content.length);
  });

  it.each([
    ['SOURCE_UNAVAILABLE', 'stalled', { stallAfter: 100 }],
    ['SOURCE_UNAVAILABLE', 'cut', { cutAfter: 100 }],
    ['SOURCE_UNAVAILABLE', 'cut', { noRanges: true, cutAfter: 300 * KIB }],
    ['SOURCE_UNAVAILABLE', 'answers 500', { status: 500 }],
    ['SOURCE_UNAVAILABLE', 'sends another range', { lieOfRange: 7 }],
    ['SOURCE_UNAVAILABLE', 'keeps changing', { restless: true, cutAfter: 100 * KIB }],
    ['INTEGRITY_MISMATCH', 'where', { lieOfLength: 1000 }],
    ['INTEGRITY_MISMATCH', 'where', { lieOfLength: -1000, noRanges: true }],
    ['FORBIDDEN', 'HF_TOKEN', { status: 403 }],
    ['NOT_FOUND', 'is not there', { status: 404 }],
  ])('fails with %s when it %s', async (code, sentence, faults) => {
    hub.faults = faults;
    await expect(part().download(forever)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(sentence) as string,
    });
  });

  it('goes on where it was, also in another process', async () => {
    hub.faults = { cutAfter: 100 * KIB, pauseMs: 1 };
    const first = part({ options: { segmentBytes: content.length } });
    await stoppedMidway(first);
    const received = first.receivedBytes;
    hub.faults = {};
    hub.requests.length = 0;
    const second = part({ options: { segmentBytes: content.length } });
    expect(second.receivedBytes).toBe(received);
    await second.download(forever);
    expect(isWhole(second)).toBe(true);
    expect(hub.rangesOf('m.gguf')).toEqual([`bytes=${received}-${content.length - 1}`]);
  });

  it('begins anew when the file has changed at its source meanwhile', async () => {
    hub.faults = { pauseMs: 2 };
    await stoppedMidway(part({ sizeBytes: null, digest: null }));
    const changed = randomBytes(500 * KIB);
    hub.files.set('m.gguf', changed);
    hub.faults = {};
    const again = part({ sizeBytes: null, digest: null });
    expect(again.receivedBytes).toBeGreaterThan(0);
    await again.download(forever);
    expect(readFileSync(again.path).equals(changed)).toBe(true);
  });

  it.each([
    ['no journal', () => undefined],
    ['a damaged journal', (file: string) => writeFileSync(`${file}.json`, '{ broken')],
    [
      'a journal that claims more than is there',
      (file: string) =>
        writeFileSync(
          `${file}.json`,
          JSON.stringify({ sizeBytes: content.length, file: 'm.gguf', validator: '"1"', ranges: [[0, 9e6]] }),
        ),
    ],
    [
      'a journal of another file',
      (file: string) =>
        writeFileSync(
          `${file}.json`,
          JSON.stringify({ file: 'm.gguf', sizeBytes: 5, validator: null, ranges: [[0, 5]] }),
        ),
    ],
  ])('is fetched from the start where there is %s', async (_what, prepare) => {
    const place = path.join(folder(), '0.part');
    writeFileSync(place, Buffer.alloc(1000));
    prepare(place);
    const file = part();
    expect(file.receivedBytes).toBe(0);
    await file.download(forever);
    expect(isWhole(file)).toBe(true);
  });

  it('is fetched from the start where the same name has another hash now', async () => {
    hub.faults = { pauseMs: 2 };
    await stoppedMidway(part());
    const other = part({ digest: { algorithm: 'sha256', hex: 'ab'.repeat(32) } });
    expect(other.receivedBytes).toBe(0);
    expect(part().receivedBytes).toBeGreaterThan(0);
  });

  it('asks for room when it learns its size, and stops where there is none', async () => {
    const remote = httpFile(http, new URL(`${hub.url}/plain/m.gguf`), {
      name: 'm.gguf',
      sizeBytes: null,
      digest: null,
    });
    const sizes: (number | null)[] = [];
    const file: PartFile = new PartFile(remote, path.join(folder(), '0.part'), OPTIONS, {
      onBytes: () => undefined,
      checkRoom: async () => {
        sizes.push(file.sizeBytes);
        throw new MixgateError('DISK_FULL', 'no room');
      },
    });
    await expect(file.download(forever)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(sizes).toEqual([content.length]);
    expect(file.receivedBytes).toBe(0);
  });

  it('fails with DISK_FULL when the disk is full', async () => {
    symlinkSync('/dev/full', path.join(folder(), '0.part'));
    await expect(part().download(forever)).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  it('stops at once when it is cancelled, and leaves nothing when it is discarded', async () => {
    hub.faults = { stallAfter: 1000 };
    const controller = new AbortController();
    const file = part({ options: { stallMs: 60_000 } });
    const downloading = file.download(controller.signal);
    while (file.receivedBytes === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort(new Error('cancelled'));
    await expect(downloading).rejects.toThrow('cancelled');
    await file.discard();
    expect(existsSync(file.path) || existsSync(`${file.path}.json`)).toBe(false);
  });
});
