import type { IncomingHttpHeaders } from 'node:http';
import { openCaller, type Caller } from '../access/caller.ts';

/** A client that speaks for several callers names the one it asks for with this header, or with `callerId` of connection_init. */
const HEADER = 'x-mixgate-caller';
const MAX_LENGTH = 128;

/** Who asks over HTTP: whom the client names, else its address. */
export function httpCaller(headers: IncomingHttpHeaders, address: string | undefined): Caller {
  return openCaller(named(headers[HEADER]) ?? `address:${address ?? 'unknown'}`);
}

/** Who asks over a socket: whom the client names, else the socket itself. */
export function socketCaller(
  connectionParams: Readonly<Record<string, unknown>> | undefined,
  socketId: string,
): Caller {
  return openCaller(named(connectionParams?.['callerId']) ?? `socket:${socketId}`);
}

function named(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? `named:${value.slice(0, MAX_LENGTH)}` : null;
}
