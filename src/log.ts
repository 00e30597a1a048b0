import { pino, type DestinationStream } from 'pino';
import pretty from 'pino-pretty';

/**
 * Everything the gateway logs, by event name. One injected logger; the event's name is in `event`,
 * so that a log can be filtered without parsing sentences.
 */
export interface LogEvents {
  'server.listening': { url: string };
  'server.draining': { running: number; limitMs: number };
  'server.stopped': Record<never, never>;
  /** Someone came with what does not count; never what it was. */
  'access.refused': { caller: string; reason: string; message: string };
  /** keys.json is damaged, or cannot be read: no key counts. */
  'access.unreadable': { reason: string };
  'access.readable': Record<never, never>;
  /** Nothing keeps a second gateway from using it, too. */
  'dataFolder.unlocked': { folder: string; reason: string };
  /** What has changed and is in force. */
  'config.reloaded': { changed: readonly string[] };
  /** Changed in the configuration, and in force only after a restart. */
  'config.needsRestart': { options: readonly string[] };
  /** The configuration was reread and has mistakes: everything stays as it was. */
  'config.rejected': { reason: string };
  'catalog.scanned': { models: number; variants: number; ms: number };
  'catalog.rejected': { path: string; reason: string };
  'catalog.duplicate': { path: string; reason: string };
  'catalog.watchFailed': { reason: string };
  'catalog.cacheFailed': { reason: string };
  'model.pinFailed': { model: string; reason: string };
  'manifest.failed': { manifest: string; reason: string };
  'pull.started': { pull: string; source: string; files: readonly string[] };
  'pull.ended': { pull: string; source: string; state: string; reason: string | null };
  'pull.failed': { pull: string; message: string };
  'backend.described': { backend: string; devices: number };
  'backend.unavailable': { backend: string; reason: string };
  /** It does not describe itself in time: what it said last counts on. */
  'backend.slow': { backend: string; ms: number };
  'library.fetched': { url: string; bytes: number };
  'worker.came': { worker: string; name: string };
  'worker.gone': { worker: string; reason: string };
  'headless.started': { pid: number | null };
  /** What the page would tell a person. */
  'headless.status': { text: string };
  'headless.ended': { reason: string; restartMs: number | null };
  'headless.unavailable': { reason: string };
  'runner.started': { pid: number | null; gpu: string };
  'runner.exited': { pid: number | null; reason: string };
  /** It took more host memory than it may, and is ended. */
  'runner.outgrown': { pid: number; bytes: number; limitBytes: number };
  'runner.output': { pid: number | null; text: string };
  'comparison.noCandidates': { generation: string; code: string; message: string };
  'resident.loading': { resident: string; variant: string; device: string; gpuLayers: number };
  'resident.loaded': {
    resident: string;
    variant: string;
    loadMs: number;
    predictedBytes: number;
    verifiedBytes: number | null;
    measuredBytes: number | null;
  };
  'generation.replanned': { generation: string; request: string | null; trace_id?: string; reason: string };
  'resident.unloaded': { resident: string; reason: string };
  /** An answer drifted, and a second attempt could not be started. */
  'generation.notRetried': { generation: string; code: string };
  /** `request`: the one that asked for it; null where none did, as on the command line. `trace_id` where it is traced. */
  'generation.started': {
    generation: string;
    request: string | null;
    trace_id?: string;
    model: string;
    comparison: string | null;
  };
  'generation.ended': {
    generation: string;
    request: string | null;
    trace_id?: string;
    state: string;
    code: string | null;
    tokens: number;
    ms: number;
  };
  /** Only with `logPrompts`, as the next. */
  'generation.prompt': { generation: string; request: string | null; trace_id?: string; prompt: unknown };
  'generation.answer': { generation: string; request: string | null; trace_id?: string; text: string };
  'quality.measured': {
    model: string;
    quantization: string;
    tokens: number;
    perplexity: number;
    klDivergence: number | null;
    sameTopToken: number | null;
  };
  /** The database cannot be used; what is to be written waits. */
  'history.unavailable': { reason: string; pending: number };
  'history.available': { pending: number };
  /** More waits than may: from now on the oldest are lost. */
  'history.overflow': { entry: string; pending: number };
  /** The database takes others, and not this one. */
  'history.refused': { entry: string; reason: string };
  /** At the end, what was never written. */
  'history.lost': { changes: number };
  'history.swept': { removed: number };
  'request.failed': {
    errorId: string;
    request: string | null;
    message: string;
    stack: string | undefined;
  };
  /** `path` without its query, which may hold a prompt. */
  'request.ended': { request: string; method: string; path: string; status: number; ms: number };
  /** A span, where spans go into the log. */
  'trace.span': {
    trace_id: string;
    span_id: string;
    parent_span_id: string | null;
    name: string;
    ms: number;
    code: string | null;
    attributes: object;
  };
  /** The collector does not take spans; what is sent meanwhile is lost. */
  'traces.unavailable': { reason: string; lost: number };
  'traces.available': Record<never, never>;
  /** A client is gone, and what was on its way to it with it. */
  'socket.lost': { reason: string };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface Log {
  debug<Name extends keyof LogEvents>(event: Name, fields: LogEvents[Name]): void;
  info<Name extends keyof LogEvents>(event: Name, fields: LogEvents[Name]): void;
  warn<Name extends keyof LogEvents>(event: Name, fields: LogEvents[Name]): void;
  error<Name extends keyof LogEvents>(event: Name, fields: LogEvents[Name]): void;
}

/** One whose level can be changed. */
export interface LevelledLog extends Log {
  level: LogLevel;
}

export interface LogOptions {
  level: LogLevel;
  format: 'pretty' | 'json';
}

/** `auto`: pretty for people, JSON for everything else. */
export const logFormatOf = (format: 'auto' | 'pretty' | 'json'): 'pretty' | 'json' =>
  format === 'auto' ? (process.stderr.isTTY ? 'pretty' : 'json') : format;

/** pino-pretty writes these two before the message as they are: with a line end in one, a line could be forged. */
const quoted = (value: unknown): string => JSON.stringify(value);

/** Logs go to standard error: standard output belongs to the answer and to the ready line. */
export function createLog({ level, format }: LogOptions): LevelledLog {
  const destination: DestinationStream =
    format === 'pretty'
      ? pretty({
          ...{ destination: 2, sync: true, colorize: process.stderr.isTTY, ignore: 'pid,hostname' },
          customPrettifiers: { name: quoted, caller: quoted },
        })
      : process.stderr;
  const logger = pino({ level }, destination);
  const at =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    <Name extends keyof LogEvents>(event: Name, fields: LogEvents[Name]) => {
      logger[method]({ event, ...fields } as object, event);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    get level() {
      return logger.level as LogLevel;
    },
    set level(newer) {
      logger.level = newer;
    },
  };
}
