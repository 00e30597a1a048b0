import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a server of weights can be hostile, or just unlucky. */
export interface Faults {
  /** Answers with whole files, whatever range is asked for. */
  noRanges?: boolean;
  /** Says nothing of lengths. */
  noLength?: boolean;
  /** Hangs up after so many bytes of each answer. */
  cutAfter?: number;
  /** Sends so many bytes of each answer and then nothing, keeping the connection. */
  stallAfter?: number;
  /** For how many answers the two above hold; then all is well. */
  times?: number;
  /** Pause after each chunk, milliseconds, so that a test can act in the middle. */
  pauseMs?: number;
  /** Sends the file from elsewhere: a redirect to this address, `{path}` replaced by the file's. */
  redirectTo?: string;
  /** Adds this to every length that is told. */
  lieOfLength?: number;
  /** Tells ranges that start so many bytes later than asked for. */
  lieOfRange?: number;
  /** Other bytes than those whose hash is listed. */
  corrupt?: boolean;
  /** Answers with this status. */
  status?: number;
  retryAfter?: string;
  /** Changes the ETag with every answer. */
  restless?: boolean;
  /** Only tells sizes in the listing that are off by this. */
  lieOfListing?: number;
  /** Lists without hashes. */
  noHashes?: boolean;
}

const CHUNK_BYTES = 16 * 1024;

/** A real HTTP server that speaks what is used of the Hub's API: listing a tree in pages, and resolving files by range. */
export class HubServer {
  /** By path in the repository. */
  readonly files = new Map<string, Buffer>();
  faults: Faults = {};
  /** Names that the listing gives beside the true ones. */
  extraNames: string[] = [];
  /** Needed for everything, where set. */
  token: string | null = null;
  readonly requests: {
    readonly url: string;
    readonly range: string | null;
    readonly authorization: string | null;
  }[] = [];
  pageSize = 1000;
  #answers = 0;
  #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(files: Readonly<Record<string, Buffer>> = {}): Promise<HubServer> {
    const server = createServer();
    const hub = new HubServer(server);
    for (const [name, content] of Object.entries(files)) hub.files.set(name, content);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return hub;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Bytes that ranges of a file's answers asked for, by file; headers included. */
  rangesOf(name: string): string[] {
    return this.requests.filter(({ url }) => url.endsWith(`/${name}`)).map(({ range }) => range ?? 'all');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const url = request.url ?? '/';
    const { range, authorization } = request.headers;
    this.requests.push({ url, range: range ?? null, authorization: authorization ?? null });
    if (this.token !== null && authorization !== `Bearer ${this.token}`) return end(response, 401);
    const listing = /^\/api\/models\/[^/]+\/[^/]+\/tree\/[^/?]+(\?.*)?$/.exec(url);
    if (listing !== null) return this.#list(new URL(url, this.url), response);
    const [, file] = /^\/(?:[^/]+\/[^/]+\/resolve\/[^/]+|plain)\/([^?]+)/.exec(url) ?? [];
    const content = file === undefined ? undefined : this.files.get(decodeURIComponent(file));
    if (content === undefined) return end(response, 404);
    const { redirectTo, status, retryAfter } = this.faults;
    if (redirectTo !== undefined && !url.startsWith('/plain/'))
      return end(response, 302, { location: redirectTo.replace('{path}', file!) });
    if (status !== undefined && this.#isFaulty())
      return end(response, status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
    await this.#send(content, request, response);
  }

  #list(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const all = [...this.files.keys(), ...this.extraNames];
    const page = all.slice(from, from + this.pageSize).map((path) => {
      const content = this.files.get(path) ?? Buffer.from('x');
      const size = content.length + (this.faults.lieOfListing ?? 0);
      if (this.faults.noHashes === true) return { type: 'file', path, size };
      const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
      if (content.length < 1024) return { type: 'file', path, size, oid };
      const lfs = { oid: createHash('sha256').update(content).digest('hex'), size, pointerSize: 130 };
      return { type: 'file', path, size, oid: '0'.repeat(40), lfs };
    });
    url.searchParams.set('cursor', String(from + this.pageSize));
    const more = from + this.pageSize < all.length ? { link: `<${url.href}>; rel="next"` } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...more }).end(JSON.stringify(page));
  }

  #isFaulty(): boolean {
    return this.#answers++ < (this.faults.times ?? Infinity);
  }

  async #send(content: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults } = this;
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const isRange = request.headers.range !== undefined && faults.noRanges !== true;
    const start = isRange ? Number(from) : 0;
    const end_ = isRange && to !== '' ? Math.min(Number(to) + 1, content.length) : content.length;
    if (start >= content.length) return end(response, 416);
    const etag = faults.restless === true ? `"${this.requests.length}"` : `"${content.length}"`;
    const total = content.length + (faults.lieOfLength ?? 0);
    const told = start + (faults.lieOfRange ?? 0);
    response.writeHead(isRange ? 206 : 200, {
      etag,
      ...(faults.noLength !== true && {
        'content-length': end_ - start + (isRange ? 0 : (faults.lieOfLength ?? 0)),
      }),
      ...(isRange && { 'content-range': `bytes ${told}-${end_ - 1}/${total}` }),
    });
    await this.#stream(content.subarray(start, end_), response);
  }

  async #stream(content: Buffer, response: ServerResponse): Promise<void> {
    const { cutAfter, stallAfter, pauseMs, corrupt } = this.faults;
    const isFaulty = (cutAfter !== undefined || stallAfter !== undefined) && this.#isFaulty();
    const most = isFaulty ? (cutAfter ?? stallAfter ?? Infinity) : Infinity;
    const body = corrupt === true ? Buffer.from(content.map((byte) => byte ^ 1)) : content;
    for (let at = 0; at < Math.min(body.length, most) && !response.destroyed; at += CHUNK_BYTES) {
      response.write(body.subarray(at, Math.min(at + CHUNK_BYTES, most)));
      if (pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      else if (response.writableNeedDrain) await once(response, 'drain').catch(() => undefined);
    }
    if (body.length <= most) response.end();
    else if (cutAfter !== undefined) setTimeout(() => response.destroy(), 5);
  }
}

function end(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, headers).end();
}
