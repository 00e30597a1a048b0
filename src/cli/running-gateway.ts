import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { fromWire, messageOf, MixgateError } from '../errors.ts';

/** Where the gateway that uses a data folder can be reached; commands beside it ask it instead of going behind its back. */
const schema = z.object({
  url: z.url(),
  pid: z.number().int().positive(),
  /** The machine or container that `pid` is of; files of older gateways do not say. */
  host: z.string().optional(),
});
type RunningGateway = z.output<typeof schema>;

const fileOf = (dataDir: string): string => path.join(dataDir, 'gateway.json');

/** Tells where this gateway is, until what it returns is called. */
export function announceGateway(dataDir: string, url: string): () => void {
  try {
    writeFileSync(fileOf(dataDir), JSON.stringify({ url, pid: process.pid, host: os.hostname() }));
  } catch {
    return () => undefined; // Commands then do not know of it.
  }
  return () => {
    // Where the folder could not be locked, another gateway may have come to it since.
    if (gatewayOn(dataDir)?.pid === process.pid) forgetGateway(dataDir);
  };
}

/** Takes the announcement away. @throws where it is there and cannot be deleted */
export const forgetGateway = (dataDir: string): void => rmSync(fileOf(dataDir), { force: true });

/** Where a gateway is asked, and as whom. */
export interface Asking {
  readonly dataDir: string;
  /** An API key or a token; undefined where it asks nobody who he is. */
  readonly apiKey?: string | undefined;
}

/**
 * Asks the gateway that runs on a data folder; null where none does.
 * @throws what it answers
 */
export async function askGateway<Data>(
  { dataDir, apiKey }: Asking,
  query: string,
  variables: object,
): Promise<Data | null> {
  const gateway = runningGateway(dataDir);
  if (gateway === null) return null;
  const response = await fetch(gateway.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(60_000),
  }).catch((error: unknown) => {
    if (isRefused(error)) return null; // It is gone, and left its file behind.
    throw new MixgateError(
      'BACKEND_UNAVAILABLE',
      `The gateway at ${gateway.url} uses this data folder and does not answer (${messageOf(error)}): try again, or stop it first.`,
    );
  });
  if (response === null) return null;
  const { data, errors } = (await response.json()) as {
    data: Data;
    errors?: { message: string; extensions: { code: string } }[];
  };
  const [error] = errors ?? [];
  if (error !== undefined) throw refusal(error.extensions.code, error.message);
  if (data === null) throw new MixgateError('INTERNAL', 'The gateway answered nothing.');
  return data;
}

/** On the command line a key is given in another way than a client gives it. */
function refusal(code: string, message: string): MixgateError {
  if (code !== 'UNAUTHENTICATED') return fromWire({ code, message });
  return new MixgateError(
    code,
    `The gateway that uses this data folder asks for a key: give one with --api-key or MIXGATE_API_KEY. ${message}`,
  );
}

/** Null where none runs on this data folder. */
export function runningGateway(dataDir: string): RunningGateway | null {
  const gateway = gatewayOn(dataDir);
  if (gateway === null) return null;
  try {
    process.kill(gateway.pid, 0);
    return gateway;
  } catch (error) {
    // One of another user may not be asked for, but runs.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? gateway : null;
  }
}

/** As it was announced, whether it still runs or not. Null where none was, or its file is damaged. */
export function gatewayOn(dataDir: string): RunningGateway | null {
  try {
    return schema.parse(JSON.parse(readFileSync(fileOf(dataDir), 'utf8')));
  } catch {
    return null;
  }
}

const isRefused = (error: unknown): boolean =>
  error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
