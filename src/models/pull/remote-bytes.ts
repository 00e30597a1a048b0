import { MixgateError } from '../../errors.ts';
import type { ByteSource } from '../byte-reader.ts';
import { Attempts, PROGRESS_BYTES, type Persistence } from './attempts.ts';
import { SourceError, type RemoteFile } from './remote-file.ts';
import { streamRange } from './stream-range.ts';

/** How long and how often to try. */
export interface Patience extends Persistence {
  readonly stallMs: number;
}

/** The server only sends whole files. */
export class NoRanges extends SourceError {}

const FIRST_CHUNK_BYTES = 2 ** 20;
const CHUNK_BYTES = 4 * 2 ** 20;

/** The start of a file through ranges, a few MiB at a time, for reading its header. @throws SOURCE_UNAVAILABLE, NoRanges */
export function remoteBytes(file: RemoteFile, sizeBytes: number, patience: Patience): ByteSource {
  return {
    sizeBytes,
    chunkBytes: (position) => (position === 0 ? FIRST_CHUNK_BYTES : CHUNK_BYTES),
    async read(position, length, signal = new AbortController().signal) {
      const end = position + length;
      const chunks: Buffer[] = [];
      const attempts = new Attempts(patience);
      let at = position;
      while (at < end) {
        const before = at;
        try {
          await streamRange(file, { start: at, end }, null, {
            stallMs: patience.stallMs,
            signal,
            onOpened: ({ start }) => {
              if (start !== before) throw new NoRanges();
              return end;
            },
            onChunk(bytes) {
              chunks.push(bytes);
              at += bytes.length;
            },
          });
          if (at < end) throw cutOff(file, at - before);
        } catch (error) {
          await attempts.failed(error, { hasBrought: at - before >= PROGRESS_BYTES }, signal);
        }
      }
      return Buffer.concat(chunks);
    },
  };
}

const cutOff = ({ name }: RemoteFile, bytes: number): MixgateError =>
  new MixgateError(
    'SOURCE_UNAVAILABLE',
    `The header of ${name} was cut after ${bytes} bytes: try again later.`,
  );
