import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { SingleBar, Presets } from 'cli-progress';
import type { ConfigSource } from '../config.ts';
import { messageOf, MixgateError } from '../errors.ts';
import type { QualityEvent, QualityResult } from '../generation/quality/evaluation.ts';
import { qualityRequest, type QualityRequest } from '../generation/quality/request.ts';
import type { Services } from '../resolvers/services.ts';
import type { CommandEnvironment } from './environment.ts';
import { withGateway } from './gateway.ts';
import { subjectOf } from './subject.ts';
import { table, type Column } from './table.ts';

/** As the command line gives them: text, or absent. */
export interface QualityOptions extends ConfigSource {
  readonly text: string;
  readonly format: string;
  readonly quantizations?: string;
  readonly reference?: string;
  readonly device?: string;
  readonly json?: boolean;
}

interface Row extends QualityResult {
  readonly quantization: string;
}

/** `mixgate quality MODEL --text FILE`: a table of what each quantization makes of the text. */
export async function measureQuality(
  name: string,
  options: QualityOptions,
  environment: CommandEnvironment,
): Promise<void> {
  await withGateway({ logLevel: 'error', ...options }, environment, async (services) => {
    const request = await requestOf(name, options, services);
    const leave = new AbortController();
    process.once('SIGINT', () => leave.abort());
    const rows: Row[] = [];
    const show = progress(options.json === true);
    for await (const event of services.evaluations.start(request, 'terminal')(leave.signal)) {
      show(event);
      if (event.result !== null) rows.push({ quantization: event.quantization, ...event.result });
    }
    if (leave.signal.aborted) process.exitCode = 1;
    const { model, reference } = request;
    if (options.json === true)
      process.stdout.write(`${JSON.stringify({ model, reference, results: rows })}\n`);
    else process.stdout.write(`${table(COLUMNS, rows)}\n`);
  });
}

const number = (value: unknown): unknown => (value === undefined ? undefined : Number(value));

async function requestOf(
  name: string,
  options: QualityOptions,
  { catalog }: Services,
): Promise<QualityRequest> {
  const subject = await subjectOf([name], catalog);
  const chosen = options.quantizations?.split(',').map((each) => each.trim());
  const all = () => catalog.model(subject.model).variants.map(({ quantization }) => quantization);
  return qualityRequest({
    model: subject.model,
    quantizations: chosen ?? (subject.quantization === null ? all() : [subject.quantization]),
    reference: options.reference,
    text: await textOf(options.text),
    format: options.format.toUpperCase(),
    contextSize: number(options['contextSize']),
    maxWindows: number(options['maxWindows']),
    device: options.device,
  });
}

/** A file, or `-` for standard input. */
async function textOf(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new MixgateError('INVALID_INPUT', `--text ${file} cannot be read: ${messageOf(error)}`);
  }
}

const COLUMNS: readonly Column<Row>[] = [
  { head: 'quantization', cell: ({ quantization }) => quantization },
  { head: 'tokens', cell: ({ tokens }) => String(tokens), align: 'right', keep: 1 },
  { head: 'perplexity', cell: ({ perplexity }) => perplexity.toFixed(4), align: 'right' },
  { head: 'KL divergence', cell: ({ klDivergence }) => klDivergence?.toFixed(6) ?? '–', align: 'right' },
  { head: 'same top token', cell: ({ sameTopToken }) => percent(sameTopToken), align: 'right' },
];

const percent = (share: number | null): string => (share === null ? '–' : `${(share * 100).toFixed(2)} %`);

function progress(isSilent: boolean): (event: QualityEvent) => void {
  const { stderr } = process;
  if (isSilent || !stderr.isTTY) return () => undefined;
  const bar = new SingleBar(
    { stream: stderr, format: '{name} {bar} {percentage}%', hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  return ({ quantization, progress: fraction, result }) => {
    if (fraction === 0) bar.start(1, 0, { name: quantization });
    bar.update(fraction);
    if (result !== null) bar.stop();
  };
}
