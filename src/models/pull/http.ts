import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { MixgateError, messageOf } from '../../errors.ts';
import type { AddressPolicy } from './address-policy.ts';

export interface HttpOptions {
  readonly policy: AddressPolicy;
  /** Sent to this origin and to no other, also not after a redirect. */
  readonly token: { readonly origin: string; readonly value: string } | null;
  readonly userAgent: string;
  /** How long a server may take to answer, milliseconds. */
  readonly answerMs: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const PROXIES = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];

/** GET requests to servers that are not trusted. */
export class Http {
  readonly #options: HttpOptions;
  /** For places that the configuration names, and for all others: a socket of one is never used for the other. */
  readonly #named: Dispatcher;
  readonly #others: Dispatcher;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#named = this.#dispatcher(true);
    this.#others = this.#dispatcher(false);
  }

  #dispatcher(isNamed: boolean): Dispatcher {
    const { policy, answerMs } = this.#options;
    const settings = {
      connect: { lookup: policy.lookup(isNamed), timeout: answerMs },
      headersTimeout: answerMs,
      bodyTimeout: 0, // Who reads the body watches it.
      maxHeaderSize: 32 * 1024,
    };
    // A proxy is the operator's own: what it reaches is for it to decide, beyond what `check` refuses.
    const hasProxy = PROXIES.some((name) => (process.env[name] ?? '') !== '');
    return hasProxy ? new EnvHttpProxyAgent(settings) : new Agent(settings);
  }

  /**
   * The answer, after redirects, each of which is checked like the first address.
   * @throws FORBIDDEN; SOURCE_UNAVAILABLE where nobody answers; the signal's reason
   */
  async get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResponse> {
    let target = url;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const { statusCode, headers: answered, body } = await this.#once(target, headers, signal);
      const location = answered['location'];
      if (!REDIRECTS.has(statusCode) || typeof location !== 'string')
        return { status: statusCode, headers: answered, body };
      body.destroy();
      if (!URL.canParse(location, target)) throw unavailable(url, 'redirects to no URL');
      target = new URL(location, target);
    }
    throw unavailable(url, `redirects more than ${MAX_REDIRECTS} times`);
  }

  /** Whether an address may be asked at all. @throws FORBIDDEN */
  check(url: URL): void {
    this.#options.policy.check(url);
  }

  async close(): Promise<void> {
    await Promise.all([this.#named.destroy(), this.#others.destroy()]);
  }

  async #once(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal) {
    const { policy, token, userAgent } = this.#options;
    const dispatcher = policy.check(url) ? this.#named : this.#others;
    const authorization = token?.origin === url.origin ? { authorization: `Bearer ${token.value}` } : {};
    try {
      const answer = await request(url, {
        dispatcher,
        headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers, ...authorization },
        signal,
      });
      // Whoever reads it is told; thrown away half-read, an error may not end the process.
      answer.body.on('error', () => undefined);
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      throw refusal(error) ?? unavailable(url, reasonOf(error));
    }
  }
}

/** What the policy said to the socket comes back as a cause. */
function refusal(error: unknown): MixgateError | null {
  for (let each = error; each instanceof Error; each = each.cause)
    if (each instanceof MixgateError) return each;
  return null;
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}

/** Without the query, which may hold a signature. */
export const plainUrl = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

export const unavailable = (url: URL, problem: string): MixgateError =>
  new MixgateError('SOURCE_UNAVAILABLE', `${plainUrl(url)} ${problem}: try again later.`, {
    url: plainUrl(url),
  });

/** @throws what a status of 400 and more means for who pulls */
export function refuse(url: URL, status: number): never {
  const where = plainUrl(url);
  const data = { url: where, status };
  if (status === 401 || status === 403)
    throw new MixgateError(
      'FORBIDDEN',
      `${where} answers ${status}: it is private or gated. Accept its terms where it is offered, and start mixgate with the HF_TOKEN of whoever accepted them (if it is set, it was refused).`,
      data,
    );
  if (status === 404 || status === 410)
    throw new MixgateError(
      'NOT_FOUND',
      `${where} is not there (${status}): check the name and the revision.`,
      data,
    );
  throw new MixgateError('SOURCE_UNAVAILABLE', `${where} answers ${status}: try again later.`, data);
}

/** How long a text may take, milliseconds. */
const TEXT_MS = 60_000;

/** A body of at most `maxBytes` as text. @throws SOURCE_UNAVAILABLE */
export async function readText(answer: HttpResponse, url: URL, maxBytes: number): Promise<string> {
  return (await readBytes(answer, url, maxBytes)).toString('utf8');
}

/** A body of at most `maxBytes`. @throws SOURCE_UNAVAILABLE */
export async function readBytes({ body }: HttpResponse, url: URL, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(unavailable(url, 'does not come to an end')), TEXT_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw unavailable(url, `answers with more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof MixgateError ? error : unavailable(url, messageOf(error));
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return Buffer.concat(chunks);
}
