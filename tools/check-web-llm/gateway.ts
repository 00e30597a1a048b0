import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const MAIN = path.resolve(import.meta.dirname, '../../dist/main.js');
/** For Chromium to start and to find an adapter. */
const ADAPTER_MS = 60_000;
const POLL_MS = 250;
const READY = /^ready (\S+)$/m;

export interface Gateway {
  readonly url: string;
  stop(): Promise<void>;
}

export interface Adapter {
  readonly id: string;
  readonly name: string;
  readonly isFallback: boolean;
}

/** The built gateway on any free port. Its log goes to `onLog`. @throws where it ends before it is ready */
export async function startGateway(
  flags: readonly string[],
  onLog: (text: string) => void,
  signal: AbortSignal,
): Promise<Gateway> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.setEncoding('utf8').on('data', onLog);
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  let output = '';
  const ready = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const url = READY.exec((output += text))?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([ready, exited.then(() => null), aborted(signal).then(() => null)]);
  if (url !== null) return { url, stop };
  await stop();
  signal.throwIfAborted();
  throw new Error('The gateway ended before it was ready.');
}

/** The GPU of the browser that the gateway starts. @throws where there is none after a minute; the signal's reason */
export async function waitForAdapter(url: string, signal: AbortSignal): Promise<Adapter> {
  const end = Date.now() + ADAPTER_MS;
  while (Date.now() < end) {
    const found = (await devices(url, signal)).find(({ kind }) => kind === 'WEBGPU');
    if (found !== undefined)
      return { id: found.id, name: found.name, isFallback: found.webGpu?.isFallbackAdapter ?? false };
    await delay(POLL_MS, undefined, { signal });
  }
  throw new Error(`No browser has lent a GPU within ${ADAPTER_MS / 1000} s.`);
}

interface Device {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly webGpu: { readonly isFallbackAdapter: boolean } | null;
}

async function devices(url: string, signal: AbortSignal): Promise<readonly Device[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ devices { id kind name webGpu { isFallbackAdapter } } }' }),
    signal,
  });
  const { data } = (await response.json()) as { data: { devices: readonly Device[] } };
  return data.devices;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
