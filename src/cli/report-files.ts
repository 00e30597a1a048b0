import { accessSync, constants, createWriteStream, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, MixgateError } from '../errors.ts';
import { RENDERERS, type ReportFormat } from '../report/render.ts';
import type { ReportHead, Runs } from '../report/schema.ts';

const ENDINGS: Readonly<Record<string, ReportFormat>> = {
  '.md': 'MARKDOWN',
  '.csv': 'CSV',
  '.json': 'JSON',
  '.html': 'HTML',
};

export interface ReportFile {
  readonly file: string;
  readonly format: ReportFormat;
}

/** Looked at before anything runs: a report that cannot be written would be noticed too late. @throws INVALID_INPUT */
export function reportFiles(files: readonly string[]): ReportFile[] {
  return files.map((file) => {
    const format = ENDINGS[path.extname(file).toLowerCase()];
    if (format === undefined)
      throw new MixgateError(
        'INVALID_INPUT',
        `--report ${file}: must end in ${Object.keys(ENDINGS).join(', ')}.`,
      );
    try {
      accessSync(path.dirname(path.resolve(file)), constants.W_OK);
    } catch (error) {
      throw unwritable(file, messageOf(error));
    }
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true)
      throw unwritable(file, 'it is a folder.');
    return { file, format };
  });
}

/** Each is there whole or not at all; where one cannot be written, the others are. @throws INVALID_INPUT */
export async function writeReports(
  files: readonly ReportFile[],
  head: ReportHead,
  runs: () => Runs,
): Promise<void> {
  const written = files.map(async ({ file, format }) => {
    const part = `${file}.${process.pid}.part`;
    try {
      await pipeline(RENDERERS[format](head, runs()), createWriteStream(part));
      await rename(part, file);
    } catch (error) {
      await rm(part, { force: true });
      throw unwritable(file, messageOf(error));
    }
  });
  const failed = (await Promise.allSettled(written)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

const unwritable = (file: string, why: string): MixgateError =>
  new MixgateError('INVALID_INPUT', `--report ${file} cannot be written: ${why}`);

/** What was typed, so that it can be pasted. */
export const typedCommand = (): string => ['mixgate', ...process.argv.slice(2).map(quoted)].join(' ');

const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
