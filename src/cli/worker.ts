import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pc from 'picocolors';
import { z } from 'zod';
import { lendingUrl, startHeadless, type LendingPage } from '../backends/webgpu/headless/headless.ts';
import { loadConfig, type Config, type ConfigSource } from '../config.ts';
import { messageOf, MixgateError } from '../errors.ts';
import { createLog, logFormatOf } from '../log.ts';
import { runningGateway } from './running-gateway.ts';

/** As the command line gives them: text, or absent. */
export interface WorkerOptions extends ConfigSource {
  readonly headless?: boolean;
  readonly gateway?: string;
  readonly key?: string;
  readonly apiKey?: string;
  readonly name?: string;
  readonly memory?: string;
}

const MAX_NAME = 80;
const optionsSchema = z.object({
  gateway: z.url({ protocol: /^https?$/, error: 'must be like http://127.0.0.1:4000' }).optional(),
  name: z.string().max(MAX_NAME).optional(),
  memory: z.coerce.number({ error: 'must be GiB, such as 4' }).min(0.5).max(1024).optional(),
});

/**
 * `mixgate worker`: prints the link that lends a browser; with `--headless`, lends one without a window until SIGTERM
 * or SIGINT, which let it say goodbye and exit 0; a second one exits at once.
 * @throws INVALID_INPUT; BACKEND_UNAVAILABLE where there is no gateway or no Chromium
 */
export async function lendBrowser(options: WorkerOptions): Promise<void> {
  const config = loadConfig({ ...options, workerKey: options.key }, process.env);
  const page = lendingPage(options, config);
  if (options.headless !== true) return printLink(page);
  const log = createLog({ level: config.logLevel, format: logFormatOf(config.logFormat) });
  const supervisor = startHeadless({ page, chromium: config.chromium, log });
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) process.exit(1);
    isStopping = true;
    await supervisor.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

function lendingPage(options: WorkerOptions, config: Config): LendingPage {
  const checked = optionsSchema.safeParse(options);
  if (!checked.success) {
    const problems = checked.error.issues.map(({ path: [name], message }) => `--${String(name)}: ${message}`);
    throw new MixgateError('INVALID_INPUT', problems.join('; '), { problems });
  }
  const { gateway, name, memory } = checked.data;
  return {
    gateway: gateway ?? gatewayOf(config.dataDir),
    key: config.workerKey ?? options.apiKey ?? keyOf(config.dataDir),
    name: name ?? (options.headless === true ? os.hostname().slice(0, MAX_NAME) : null),
    memoryGib: memory ?? null,
  };
}

function gatewayOf(dataDir: string): string {
  const gateway = runningGateway(dataDir);
  if (gateway !== null) return gateway.url;
  throw new MixgateError(
    'BACKEND_UNAVAILABLE',
    `No gateway runs on ${dataDir}: start one with \`mixgate serve\`, or name one with --gateway.`,
  );
}

function keyOf(dataDir: string): string {
  const file = path.join(dataDir, 'worker-key');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new MixgateError(
      'INVALID_INPUT',
      `No worker key: give the gateway's with --key or MIXGATE_WORKER_KEY, or an API key with --api-key (${messageOf(error)}).`,
    );
  }
}

function printLink(page: LendingPage): void {
  process.stdout.write(`${lendingUrl(page)}\n`);
  process.stderr.write(
    `${pc.dim('Open this link in a browser of the machine that lends, and leave the tab open. Without a window: --headless.')}\n`,
  );
}
