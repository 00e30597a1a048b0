import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build, type Rollup } from 'vite';
import { MLC_LIBRARY } from '../support/mlc-model/make-mlc-model.ts';

const WEB_LLM = path.resolve(import.meta.dirname, '../../node_modules/@mlc-ai/web-llm/lib/index.js');
const MODEL = '/model/resolve/main/';

/** What the pages and workers here share: an engine of web-llm, and one answer of it as plain data. */
const SCRIPT = `
import { MLCEngine } from '/web-llm.js';
const model = {
  model: location.origin + '/model',
  model_id: 'tiny',
  model_lib: location.origin + '${MODEL}${MLC_LIBRARY}',
};
globalThis.start = async () => {
  globalThis.engine = new MLCEngine({ appConfig: { model_list: [model] }, logLevel: 'ERROR' });
  await engine.reload('tiny');
};
globalThis.ask = async ({ of = 'chat', interruptAfter, ...request }) => {
  const answer = { parts: [], finishReason: null, usage: null, error: null };
  const api = of === 'chat' ? engine.chat.completions : engine.completions;
  const asked = of === 'chat' ? { messages: [{ role: 'user', content: 'Count!' }] } : {};
  const stream = { stream: true, stream_options: { include_usage: true }, temperature: 0 };
  try {
    for await (const { choices: [choice], usage } of await api.create({ ...asked, ...stream, ...request })) {
      const part = choice?.delta?.content ?? choice?.text;
      if (part) answer.parts.push(part);
      if (choice?.finish_reason) answer.finishReason = choice.finish_reason;
      if (usage) answer.usage = { prompt: usage.prompt_tokens, completion: usage.completion_tokens };
      if (answer.parts.length === interruptAfter) await engine.interruptGenerate();
    }
  } catch (error) {
    answer.error = error.name + ': ' + error.message;
  }
  return answer;
};`;

const WORKER_SCRIPT = `${SCRIPT}
onmessage = async ({ data }) => {
  await start();
  postMessage(await ask(data));
};
postMessage('ready');`;

export interface Request {
  readonly of?: 'chat' | 'plain';
  readonly interruptAfter?: number;
  readonly [option: string]: unknown;
}

export interface Answer {
  readonly parts: readonly string[];
  readonly finishReason: string | null;
  readonly usage: { readonly prompt: number; readonly completion: number } | null;
  readonly error: string | null;
}

/** web-llm as one file, as Vite makes it for a browser. */
async function bundle(): Promise<string> {
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: false, lib: { entry: WEB_LLM, formats: ['es'], fileName: 'web-llm' } },
  })) as Rollup.RollupOutput[];
  return built[0]!.output[0].code;
}

/** Serves web-llm and, under the names that the Hub would have, the files of one folder. */
export class WebLlmServer {
  /** What was asked for of the model, in order. */
  readonly requests: string[] = [];
  folder = '';
  #server: Server = createServer();
  #webLlm = '';

  async start(): Promise<void> {
    this.#webLlm = await bundle();
    this.#server.on('request', ({ url = '' }, response) => {
      void this.#contentOf(url).then(
        (content) =>
          response.writeHead(200, { 'content-type': url === '/' ? 'text/html' : typeOf(url) }).end(content),
        () => response.writeHead(404).end(),
      );
    });
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  async #contentOf(url: string): Promise<string | Buffer> {
    if (url === '/') return '<link rel="icon" href="data:," /><script type="module" src="/page.js"></script>';
    if (url === '/page.js') return SCRIPT;
    if (url === '/worker.js') return WORKER_SCRIPT;
    if (url === '/web-llm.js') return this.#webLlm;
    if (!url.startsWith(MODEL)) throw new Error('not here');
    this.requests.push(url.slice(MODEL.length));
    return readFile(path.join(this.folder, path.basename(url)));
  }

  /** A page with nothing cached and no engine yet. */
  async open(browser: Browser): Promise<WebLlmPage> {
    this.requests.length = 0;
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
    await page.waitForFunction('globalThis.ask !== undefined');
    return new WebLlmPage(page);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const typeOf = (url: string) => (url.endsWith('.js') ? 'text/javascript' : 'application/octet-stream');

export class WebLlmPage {
  constructor(private readonly page: Page) {}

  /** A new engine that has the model loaded. */
  start(): Promise<void> {
    return this.page.evaluate('start()');
  }

  ask(request: Request = {}): Promise<Answer> {
    return this.page.evaluate(`ask(${JSON.stringify(request)})`);
  }

  /** Loads and asks in a dedicated worker. */
  askInWorker(request: Request = {}): Promise<Answer> {
    return this.page.evaluate(`new Promise((resolve, reject) => {
      const worker = new Worker('/worker.js', { type: 'module' });
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }) =>
        data === 'ready' ? worker.postMessage(${JSON.stringify(request)}) : resolve(data);
    })`);
  }

  evaluate<Result>(script: string): Promise<Result> {
    return this.page.evaluate(script);
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
