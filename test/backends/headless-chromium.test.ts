import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PATIENCE, startChromium, type Patience } from '../../src/backends/webgpu/headless/chromium.ts';
import { chromiumLaunch, thisHost } from '../../src/backends/webgpu/headless/flags.ts';
import type { Lender } from '../../src/backends/webgpu/headless/supervisor.ts';
import { CHROMIUM, noBrowser } from '../support/browser.ts';
import { commandLine, processesWith } from '../support/processes.ts';

/** Of this process. */
const PROFILE = `mixgate-headless-${process.pid}-`;
const SECRET = 'key=a-secret-key';

describe.skipIf(noBrowser !== null)('a Chromium without a window', () => {
  let server: Server;
  let body = '';
  let status = 200;
  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end(`<p id="status">Hello.</p>${body}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  let lender: Lender | null = null;
  let said: string[];
  beforeEach(() => {
    [body, status, lender, said] = ['', 200, null, []];
  });
  afterEach(async () => {
    await lender?.close();
    await expect.poll(() => processesWith(PROFILE)).toEqual([]);
    expect(readdirSync(os.tmpdir()).filter((name) => name.startsWith(PROFILE))).toEqual([]);
  });

  const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/worker/#${SECRET}`;
  async function start(
    patience: Partial<Patience> = {},
    signal = new AbortController().signal,
    url = address(),
  ) {
    lender = await startChromium(
      {
        launch: chromiumLaunch(CHROMIUM, thisHost()),
        url,
        onStatus: (text) => said.push(text),
        patience: { ...PATIENCE, checkMs: 50, ...patience },
      },
      signal,
    );
    return lender;
  }
  const renderers = () =>
    processesWith(PROFILE).filter((pid) => commandLine(pid).includes('--type=renderer'));

  it('tells what its page says', async () => {
    await start();
    await expect.poll(() => said).toEqual(['Hello.']);
    expect(processesWith(PROFILE)).toContain(lender!.pid);
  });

  it('ends when its page lost the GPU for good', async () => {
    body = `<script>setTimeout(() => { document.documentElement.dataset.gpu = 'lost' }, 200)</script>`;
    expect(await (await start()).ended).toBe('the page lost its GPU');
  });

  it('ends when its page does not answer, and is closed all the same', async () => {
    body = '<script>setTimeout(() => { for (;;); }, 200)</script>';
    expect(await (await start({ answerMs: 500, closeMs: 1000 })).ended).toBe(
      'the page did not answer within 500 ms',
    );
  });

  it('ends when its page crashes', async () => {
    const { ended } = await start();
    for (const pid of renderers()) process.kill(pid, 'SIGKILL');
    expect(await ended).toBe('the page crashed');
  });

  it('ends when it is killed', async () => {
    const { ended, pid } = await start();
    process.kill(pid!, 'SIGKILL');
    expect(await ended).toBe('Chromium exited');
  });

  it('that hangs as a whole is killed', async () => {
    const { pid } = await start({ closeMs: 500 });
    process.kill(pid!, 'SIGSTOP');
    await lender!.close();
  });

  it('that finds no gateway says so, and not its key', async () => {
    status = 502;
    await expect(start()).rejects.toThrow('The gateway answers 502');
    // Nothing listens there.
    const failure = await start({}, undefined, `http://127.0.0.1:1/#${SECRET}`).catch(
      (error: Error) => error.message,
    );
    expect(failure).toContain('net::ERR_');
    expect(failure).not.toContain('secret');
  });

  it('that is not wanted any more while it starts is ended', async () => {
    await expect(start({}, AbortSignal.abort())).rejects.toThrow(
      expect.objectContaining({ code: 'BACKEND_UNAVAILABLE' }),
    );
  });

  it('that is none fails with what it said', async () => {
    const launch = { ...chromiumLaunch('/bin/false', thisHost()) };
    await expect(
      startChromium(
        { launch, url: address(), onStatus: () => undefined, patience: PATIENCE },
        new AbortController().signal,
      ),
    ).rejects.toThrow(/Chromium did not come up/);
  });
});
