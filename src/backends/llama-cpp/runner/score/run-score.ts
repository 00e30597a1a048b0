import type {
  ControlledEvaluateIndexOutput,
  ControlledEvaluateInputItem,
  LlamaContextSequence,
  Token,
} from 'node-llama-cpp';
import type { CommandOf, Report } from '../../../../protocol/frames.ts';
import type { Seat } from '../batch-schedule.ts';
import type { LoadedModel } from '../loaded-model.ts';
import { klDivergence, packRow, surprise } from './distribution.ts';
import { LogitReader, noNumbers } from './logit-reader.ts';
import { ReferenceFile, Rows } from './reference-file.ts';
import { Tally } from './tally.ts';
import { digestOf, windowsOf, type Window } from './windows.ts';

type Score = CommandOf<'score'>;

interface ScoreHooks {
  readonly signal: AbortSignal;
  readonly send: (report: Report) => void;
}

/** What llama.cpp may keep of logits at once, bytes: that many tokens are scored in one batch, whatever the text's length. */
const MAX_LOGIT_BYTES = 32 * 2 ** 20;
/** Progress is told no more often than this. */
const PROGRESS_MS = 100;

/** Scores one text, window after window, each from an empty context. */
export async function runScore(
  loaded: LoadedModel,
  score: Score,
  { signal, send }: ScoreHooks,
): Promise<void> {
  const contextSize = Math.min(score.contextSize, loaded.contextSize);
  const windows = windowsOf(score.text, loaded.model, { contextSize, maxWindows: score.maxWindows });
  const rows = windows.reduce((sum, { targets }) => sum + targets.length, 0);
  const { vocabularySize } = loaded;
  const reference =
    score.reference === null
      ? null
      : await ReferenceFile.open(score.reference, { vocabularySize, rows, digest: digestOf(windows) });
  const sequence = loaded.takeSlot([]);
  const seat = loaded.schedule.join();
  try {
    const scorer = new Scorer({ loaded, sequence, seat, reference, signal });
    const onProgress = progress(rows, (fraction) => send({ type: 'progress', id: score.id, fraction }));
    for (const window of windows) await scorer.read(window, onProgress);
    const reason = signal.aborted ? 'CANCELLED' : 'COMPLETED';
    send({ type: 'scored', id: score.id, reason, ...scorer.tally.means() });
  } finally {
    seat.leave();
    loaded.giveBackSlot(sequence);
    await reference?.close();
  }
}

function progress(rows: number, tell: (fraction: number) => void): (tokens: number) => void {
  let toldAt = -Infinity;
  return (tokens) => {
    const now = performance.now();
    if (now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    tell(tokens / rows);
  };
}

interface ScorerParts {
  readonly loaded: LoadedModel;
  readonly sequence: LlamaContextSequence;
  readonly seat: Seat;
  readonly reference: ReferenceFile | null;
  readonly signal: AbortSignal;
}

/** Places of one batch. */
interface Batch {
  readonly from: number;
  readonly to: number;
  /** Places whose next token is scored, rising. */
  readonly places: readonly number[];
}

/** One scored place. */
interface Scored {
  readonly rows: Rows | null;
  readonly row: number;
  readonly target: Token;
}

class Scorer {
  readonly tally: Tally;
  readonly #parts: ScorerParts;
  readonly #logits: LogitReader;

  constructor(parts: ScorerParts) {
    this.#parts = parts;
    this.tally = new Tally(parts.reference !== null);
    this.#logits = new LogitReader(parts.loaded.vocabularySize);
  }

  /** Stops within a batch when the signal aborts. */
  async read(window: Window, onProgress: (tokens: number) => void): Promise<void> {
    const { sequence, signal } = this.#parts;
    if (signal.aborted) return;
    await sequence.clearHistory();
    for (const batch of this.#batches(window)) {
      if (signal.aborted) return;
      await this.#compute(window, batch);
      onProgress(this.tally.tokens);
    }
  }

  /** Up to the last scored token, which is not itself read; few enough at once for their logits to be bounded. */
  *#batches({ targets }: Window): Generator<Batch> {
    const { batchSize, vocabularySize } = this.#parts.loaded;
    const most = Math.max(1, Math.floor(MAX_LOGIT_BYTES / (4 * vocabularySize)));
    const end = targets.at(-1)!;
    let from = 0;
    while (from < end) {
      const limit = Math.min(end, from + batchSize);
      const places = targets.map((target) => target - 1).filter((place) => place >= from && place < limit);
      const to = places[most] ?? limit;
      yield { from, to, places: places.slice(0, most) };
      from = to;
    }
  }

  async #compute({ tokens }: Window, { from, to, places }: Batch): Promise<void> {
    const { sequence, seat, reference } = this.#parts;
    const rows = reference === null ? null : await this.#rowsFor(reference, places.length);
    const isScored = new Set(places);
    const input = tokens.slice(from, to).map((token, index): ControlledEvaluateInputItem => {
      const place = from + index;
      return isScored.has(place) ? [token, { generateNext: { logits: true } }] : token;
    });
    let index = 0;
    seat.asks();
    await sequence.controlledEvaluate(input, {
      onTokenResult: (offset, output) =>
        this.#take(output, { rows, row: index++, target: tokens[from + offset + 1]! }),
    });
    if (index !== places.length || !this.tally.isFinite) throw noNumbers();
    if (rows !== null && reference?.mode === 'WRITE') await reference.append(rows);
  }

  async #rowsFor(reference: ReferenceFile, count: number): Promise<Rows> {
    const { vocabularySize } = this.#parts.loaded;
    return reference.mode === 'WRITE'
      ? new Rows(count, vocabularySize)
      : reference.next(count, vocabularySize);
  }

  #take({ next }: ControlledEvaluateIndexOutput, { rows, row, target }: Scored): void {
    const found = this.#logits.read(next.logits);
    if (rows === null) return this.tally.add(surprise(found, target));
    const halves = rows.halves(row);
    if (this.#parts.reference?.mode === 'WRITE') {
      rows.setTop(row, found.top);
      packRow(found, halves);
    }
    const isSameTop = rows.top(row) === found.top;
    this.tally.add(surprise(found, target), { klDivergence: klDivergence(halves, found), isSameTop });
  }
}
