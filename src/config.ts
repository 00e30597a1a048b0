import os from 'node:os';
import path from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { accessOptions, hasAudience, hasIssuer, NO_AUDIENCE, NO_ISSUER } from './config-access.ts';
import { exposureOptions } from './config-exposure.ts';
import { readConfigFile } from './config-file.ts';
import { limitOptions } from './config-limits.ts';
import { bytesSchema, commaList, list, MIB, whole, yesOrNo } from './config-values.ts';
import { MixgateError } from './errors.ts';

/**
 * The gateway's configuration: one schema, from which the file's keys, the environment's names, the command line's
 * flags and docs/configuration.md all follow. Later wins: default, file, environment, command line.
 */

const dataDirectory = (): string =>
  path.join(process.env['XDG_DATA_HOME'] ?? path.join(os.homedir(), '.local', 'share'), 'mixgate');
/** `name`, `name:port`, `[ipv6]:port`, `10.0.0.0/8`, `*`. */
const isHost = (entry: string): boolean =>
  entry === '*' ||
  (entry.includes('/')
    ? ipaddr.isValidCIDR(entry)
    : ipaddr.isValid(entry) || /^(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.test(entry));

/** Where Hugging Face's own tools take it from, too. */
const hubEndpoint = (): string => process.env['HF_ENDPOINT'] || 'https://huggingface.co';

const options = {
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: whole(0, 65535).default(4000).describe('Port to listen on; 0 takes a free one.'),
  ...accessOptions,
  modelsDir: list
    .default([])
    .describe(
      'Folders with GGUF files and MLC folders, searched in depth, besides the embedded demo model and DATA-DIR/models. Of two files that are one variant, the one in the folder named first is used.',
    ),
  watchModels: z
    .enum(['events', 'poll', 'off'])
    .default('events')
    .describe(
      "How changes in these folders are noticed: by the system's events, by looking every second (network drives), or not.",
    ),
  manifests: commaList
    .default([])
    .describe(
      'Manifests (files or https URLs) whose models are pulled and set up at the start; see docs/models.md.',
    ),
  hfEndpoint: z
    .url({ protocol: /^https?$/ })
    .prefault(hubEndpoint)
    .transform((url) => url.replace(/\/+$/, ''))
    .describe(
      'The Hugging Face Hub or a mirror of it; HF_ENDPOINT counts too. Tokens come from the environment alone: HF_TOKEN.',
    ),
  allowedHosts: commaList
    .refine((hosts) => hosts.every(isHost), 'must be names, host:port, CIDR ranges or *, not URLs')
    .default([])
    .describe(
      'Hosts that pulls may reach though they are private or without https: names, host:port, CIDR ranges, or `*`. A mirror set as hfEndpoint is allowed already.',
    ),
  pullSchemes: commaList
    .pipe(z.array(z.enum(['hf', 'https', 'http', 'file'])))
    .default(['hf', 'https', 'http', 'file'])
    .describe('What sources of pulls may be; http only for allowedHosts.'),
  pullsAtOnce: whole(1, 64).default(2).describe('Pulls that run at once; more wait.'),
  pullConnections: whole(1, 64).default(4).describe('Requests of one pull at once.'),
  pullSegment: bytesSchema
    .refine((bytes) => bytes >= 65_536, 'must be at least 64KiB')
    .default(32 * MIB)
    .describe('Bytes of a file that one request asks for.'),
  pullStallMs: whole(100, 3_600_000)
    .default(30_000)
    .describe('A request that brings next to nothing for so long is given up and tried again, milliseconds.'),
  pullRetryMs: whole(1, 600_000)
    .default(500)
    .describe(
      'Pause before a request that brought nothing is tried again, milliseconds; doubles each time, six tries in a row.',
    ),
  diskBudget: bytesSchema
    .nullable()
    .default(null)
    .describe('Bytes that DATA-DIR/models may take; null: as many as the disk has.'),
  dataDir: z.string().min(1).default(dataDirectory).describe('Folder for what mixgate keeps.'),
  gpu: z
    .enum(['auto', 'cuda', 'vulkan', 'metal', 'off'])
    .default('auto')
    .describe('Which GPU interface llama.cpp uses; `off` computes on the CPU.'),
  threads: z
    .union([z.literal('auto'), whole(1, 1024)])
    .default('auto')
    .describe(
      'Threads that compute on the CPU, over all models; `auto`: the cores less one for the gateway.',
    ),
  workerLeaseMs: whole(1000, 3_600_000)
    .default(20_000)
    .describe('How long a browser that lends its GPU may be away before what it does fails, milliseconds.'),
  workerKey: z
    .string()
    .min(16)
    .nullable()
    .default(null)
    .describe(
      'What browsers must present to lend their GPU; null: one that is made at the first start and kept in DATA-DIR.',
    ),
  webgpuHeadless: yesOrNo
    .default(false)
    .describe('Starts a Chromium without a window that lends itself to this gateway, and keeps it up.'),
  chromium: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('The Chromium for that, a path or a command; null: the first that is found.'),
  slots: whole(1, 64)
    .default(4)
    .describe('Generations that one model decodes at once, where the memory for it costs no layer.'),
  maxQueued: whole(1, 1_000_000).default(1000).describe('Generations that may wait; more are refused.'),
  ...limitOptions,
  maxWaitMs: whole(1, 2 ** 31 - 1)
    .default(3_600_000)
    .describe('How long a generation may wait for a slot before it fails with WAIT_TIMEOUT, milliseconds.'),
  maxRunMs: whole(1, 2 ** 31 - 1)
    .default(3_600_000)
    .describe('How long a generation may then run before it fails with RUN_TIMEOUT, milliseconds.'),
  disconnectGraceMs: whole(0, 3_600_000)
    .default(2000)
    .describe('How long a generation goes on after its last subscriber left, milliseconds.'),
  keepGenerations: whole(0, 1_000_000).default(1000).describe('Ended generations that can still be read.'),
  keepGenerationsMs: whole(0, 2 ** 31 - 1)
    .default(3_600_000)
    .describe('How long ended generations can still be read, milliseconds.'),
  keepGenerationsBytes: bytesSchema
    .default(256 * MIB)
    .describe('Memory that ended generations may take together; the oldest go first.'),
  history: yesOrNo
    .default(true)
    .describe(
      'Keeps generations, comparisons, votes and evaluations beyond a restart; no: nothing is stored.',
    ),
  historyUrl: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must be postgres://user:password@host:port/database' })
    .nullable()
    .default(null)
    .describe('PostgreSQL database for that; null: a SQLite file, DATA-DIR/history.db.'),
  historyKeepDays: z.coerce
    .number()
    .min(0)
    .max(36_500)
    .default(90)
    .describe('Days after which entries of the history are deleted; 0: never.'),
  historyMaxBytes: bytesSchema
    .default(1024 * MIB)
    .describe('Bytes that the history may take; the oldest entries go first. 0: without limit.'),
  deviceMargin: bytesSchema.default(1024 * MIB).describe("Bytes of a GPU's free memory that no plan uses."),
  hostMargin: bytesSchema.default(512 * MIB).describe('Bytes of free host memory that no plan uses.'),
  runnerMemoryTolerance: bytesSchema
    .nullable()
    .default(4096 * MIB)
    .describe(
      'Bytes of host memory that a runner may take beyond its plan before it is ended, so that a leak does not take the machine along (Linux); null: any number.',
    ),
  drainMs: whole(0, 3_600_000)
    .default(10_000)
    .describe('How long running generations may go on after SIGTERM, milliseconds.'),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least level that is logged.'),
  logFormat: z
    .enum(['auto', 'pretty', 'json'])
    .default('auto')
    .describe('`auto`: pretty on a terminal, else JSON.'),
  logPrompts: yesOrNo
    .default(false)
    .describe('Writes prompts and answers into the log, where otherwise nothing of them stands.'),
  ...exposureOptions,
  traces: z
    .enum(['auto', 'off', 'otlp', 'log'])
    .default('auto')
    .describe(
      'Where spans of OpenTelemetry go: to a collector (`otlp`), into the log, nowhere; `auto`: as OTEL_TRACES_EXPORTER says, else to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names. See docs/operate.md.',
    ),
};

export const configSchema = z
  .strictObject(options)
  .refine(hasAudience, NO_AUDIENCE)
  .refine(hasIssuer, NO_ISSUER);

export type Config = Readonly<z.output<typeof configSchema>>;
export type ConfigKey = keyof Config;
/** What one source says; unchecked. */
export type ConfigSource = Readonly<Record<string, unknown>>;

export const CONFIG_KEYS = Object.keys(configSchema.shape) as ConfigKey[];
/** Options that can be given several times. */
export const LIST_KEYS: ReadonlySet<ConfigKey> = new Set([
  'modelsDir',
  'manifests',
  'allowedHosts',
  'pullSchemes',
  'hostnames',
  'allowedOrigins',
  'trustedDocuments',
]);
/** Options that mean yes when they are only named. */
export const SWITCH_KEYS: ReadonlySet<ConfigKey> = new Set([
  'webgpuHeadless',
  'history',
  'logPrompts',
  'unsafeOpen',
  'trustedDocumentsOnly',
]);
/** Defaults that depend on the machine, as people know them. */
const DOCUMENTED_DEFAULTS: Partial<Record<ConfigKey, string>> = {
  dataDir: '~/.local/share/mixgate',
  hfEndpoint: 'https://huggingface.co',
};
export const documentedDefault = (key: ConfigKey): string =>
  DOCUMENTED_DEFAULTS[key] ?? JSON.stringify(configSchema.parse({})[key]);

const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
export const flagName = (key: ConfigKey): string => `--${kebab(key)}`;
export const environmentName = (key: ConfigKey): string =>
  `MIXGATE_${kebab(key).toUpperCase().replaceAll('-', '_')}`;

/** The file that the flags or the environment name. */
export const configFileOf = (flags: ConfigSource, environment: NodeJS.ProcessEnv): string | undefined =>
  (flags['config'] as string | undefined) ?? (environment['MIXGATE_CONFIG'] || undefined);

/**
 * Puts the sources together and checks the result.
 * @throws INVALID_INPUT with every problem of the file and of the whole at once
 */
export function loadConfig(flags: ConfigSource, environment: NodeJS.ProcessEnv): Config {
  const file = configFileOf(flags, environment);
  const { source, nameOf } = readConfigFile(file);
  const given = { ...source, ...fromEnvironment(environment), ...onlyKnown(flags) };
  const result = configSchema.safeParse(given);
  if (result.success) return Object.freeze(result.data);
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, nameOf));
  const where = file === undefined ? '' : ` (file ${file})`;
  throw new MixgateError(
    'INVALID_INPUT',
    `The configuration${where} has ${problems.length} ${problems.length === 1 ? 'mistake' : 'mistakes'}: ` +
      `${problems.join('; ')}. Every option is in docs/configuration.md.`,
    { problems },
  );
}

function describeIssue(issue: z.core.$ZodIssue, nameOf: (key: string) => string): string[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${nameOf(key).slice(0, 200)}: there is no such option`);
  const [key = '', ...rest] = issue.path.map(String);
  return [`${[nameOf(key), ...rest].join('.')}: ${issue.message}`];
}

function fromEnvironment(environment: NodeJS.ProcessEnv): ConfigSource {
  const source: Record<string, unknown> = {};
  for (const key of CONFIG_KEYS) {
    const value = environment[environmentName(key)];
    if (value !== undefined && value !== '')
      source[key] = key === 'modelsDir' ? value.split(path.delimiter) : value;
  }
  return source;
}

const onlyKnown = (flags: ConfigSource): ConfigSource =>
  Object.fromEntries(CONFIG_KEYS.filter((key) => flags[key] !== undefined).map((key) => [key, flags[key]]));
