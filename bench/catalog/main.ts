/**
 * `npm run bench:catalog`: 500 headers read for the first time and again, and a pull beside a plain download of the
 * same bytes from the same server. Ratios; the machine is whatever it is.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { request } from 'undici';
import { Catalog } from '../../src/models/catalog.ts';
import { AddressPolicy } from '../../src/models/pull/address-policy.ts';
import { Http } from '../../src/models/pull/http.ts';
import { PartFile } from '../../src/models/pull/part-file.ts';
import { httpFile } from '../../src/models/pull/remote-file.ts';
import { verify } from '../../src/models/pull/verify.ts';
import {
  REFERENCE_MODELS,
  REFERENCE_QUANTIZATIONS,
  type ReferenceModelId,
} from '../../tools/reference-models/models.ts';
import { writeReferenceGguf } from '../../tools/reference-models/write-gguf.ts';

const HEADERS = 500;
const PULL_BYTES = 256 * 2 ** 20;
const ROUNDS = 5;

const nothing = () => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const folder = await mkdtemp(path.join(os.tmpdir(), 'mixgate-bench-'));

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function headers(): Promise<void> {
  const models = path.join(folder, 'models');
  await mkdir(models);
  const ids = Object.keys(REFERENCE_MODELS) as ReferenceModelId[];
  const originals: string[] = [];
  for (const id of ids)
    for (const quantization of REFERENCE_QUANTIZATIONS) {
      const file = path.join(models, `${id}.${quantization}.gguf`);
      await writeReferenceGguf(file, id, quantization);
      originals.push(file);
    }
  for (let index = originals.length; index < HEADERS; index++)
    await writeReferenceGguf(
      path.join(models, `copy-${index}.gguf`),
      ids[index % ids.length]!,
      REFERENCE_QUANTIZATIONS[index % REFERENCE_QUANTIZATIONS.length]!,
    );
  const cacheFile = path.join(folder, 'cache.json');
  const scan = () => timed(() => new Catalog({ directories: [models], cacheFile, log }).scan());
  const first = await scan();
  const again = median([await scan(), await scan(), await scan()]);
  process.stdout.write(
    `${HEADERS} headers: ${(first / 1000).toFixed(2)} s the first time, ${(again / 1000).toFixed(2)} s at the next start (${(first / again).toFixed(0)} times faster)\n`,
  );
}

async function pulls(): Promise<void> {
  const source = path.join(folder, 'source.bin');
  const file = await open(source, 'w');
  const block = randomBytes(2 ** 20);
  for (let written = 0; written < PULL_BYTES; written += block.length) await file.write(block);
  await file.close();
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(source)) hash.update(chunk as Buffer);
  const digest = { algorithm: 'sha256' as const, hex: hash.digest('hex') };

  const server = createServer((incoming, response) => {
    const [, from = '0', to = String(PULL_BYTES - 1)] =
      /bytes=(\d+)-(\d+)/.exec(incoming.headers.range ?? '') ?? [];
    const [start, end] = [Number(from), Number(to)];
    response.writeHead(incoming.headers.range === undefined ? 200 : 206, {
      'etag': '"1"',
      'content-length': end - start + 1,
      'content-range': `bytes ${start}-${end}/${PULL_BYTES}`,
    });
    createReadStream(source, { start, end }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/source.bin`);
  const http = new Http({
    policy: new AddressPolicy(['127.0.0.1']),
    token: null,
    userAgent: 'bench',
    answerMs: 5000,
  });
  const signal = new AbortController().signal;

  const plain = async () => {
    const { body } = await request(url);
    const target = await open(path.join(folder, 'plain.bin'), 'w');
    for await (const chunk of body) await target.write(chunk as Buffer);
    await target.datasync();
    await target.close();
  };
  const pull = async () => {
    const remote = httpFile(http, url, { name: 'source.bin', sizeBytes: PULL_BYTES, digest });
    const options = { connections: 4, segmentBytes: 32 * 2 ** 20, stallMs: 5000, attempts: 3, retryMs: 100 };
    const part = new PartFile(remote, path.join(folder, '0.part'), options, {
      onBytes: nothing,
      checkRoom: async () => undefined,
    });
    await part.download(signal);
    await part.discard();
  };
  const check = () => verify({ path: source, name: 'source.bin' }, digest, { signal, onBytes: nothing });
  const times: { plain: number[]; pull: number[]; check: number[] } = { plain: [], pull: [], check: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.plain.push(await timed(plain));
    times.pull.push(await timed(pull));
    times.check.push(await timed(check));
  }
  const rate = (ms: number) => `${(PULL_BYTES / 2 ** 20 / (ms / 1000)).toFixed(0)} MiB/s`;
  const [plainMs, pullMs, checkMs] = [median(times.plain), median(times.pull), median(times.check)];
  process.stdout.write(
    `A pull of ${PULL_BYTES / 2 ** 20} MiB: ${rate(pullMs)}, a plain download ${rate(plainMs)}: ${(plainMs / pullMs).toFixed(2)} times its speed; SHA-256 then reads ${rate(checkMs)}\n`,
  );
  await http.close();
  server.close();
}

try {
  await headers();
  await pulls();
} finally {
  await rm(folder, { recursive: true });
}
