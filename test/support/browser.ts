import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Why no browser can be started here; null where one can. */
export const noBrowser: string | null = existsSync(EXECUTABLE)
  ? null
  : `there is no ${EXECUTABLE}; apt-get install chromium brings it`;

/** A real Chromium without a window, with WebGPU in software. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
    ],
  });

export const WORKER_KEY = 'a-worker-key-for-tests';
export const workerPage = (origin: string): string => `${origin}/worker/#key=${WORKER_KEY}`;
