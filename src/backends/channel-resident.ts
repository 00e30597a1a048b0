import type { ReportOf } from '../protocol/frames.ts';
import type { Resident } from './backend.ts';
import type { Channel } from './channel.ts';
import { generateOver } from './channel-generate.ts';
import { predictOver } from './channel-predict.ts';
import { scoreOver } from './channel-score.ts';

export interface ChannelResidentHooks {
  /** As of `Resident`. */
  readonly gone: Promise<Error | null>;
  /** Told how many slots are in use. */
  readonly onBusy: (busySlots: number) => void;
  readonly unload: () => Promise<void>;
  /** The runtime takes `score`; false where left out. */
  readonly canScore?: boolean;
  /** The runtime takes `predict`; false where left out. */
  readonly canPredict?: boolean;
}

/** A model that a runtime at the other end of a channel has loaded; `loaded` is the report that said so. */
export function channelResident(
  channel: Channel,
  { id, contextSize, slots, verifiedBytes, measuredBytes }: ReportOf<'loaded'>,
  { gone, onBusy, unload, canScore = false, canPredict = false }: ChannelResidentHooks,
): Resident {
  let busySlots = 0;
  async function* busy<Part>(parts: AsyncIterable<Part>): AsyncGenerator<Part> {
    onBusy(++busySlots);
    try {
      yield* parts;
    } finally {
      onBusy(--busySlots);
    }
  }
  return {
    slots,
    contextSize,
    verifiedBytes,
    measuredBytes,
    gone,
    generate: (request, signal) => busy(generateOver(channel, id, request, signal)),
    ...(canScore && { score: (request, signal) => busy(scoreOver(channel, id, request, signal)) }),
    ...(canPredict && { predict: (request, signal) => busy(predictOver(channel, id, request, signal)) }),
    unload,
  };
}
