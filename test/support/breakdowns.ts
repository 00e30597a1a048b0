import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { gpuFootprint, totalLayers } from '../../src/routing/footprint.ts';
import type { Placement } from '../../src/routing/placement.ts';
import type { WeightFacts } from '../../src/routing/weights.ts';
import { referenceVariant } from '../../tools/reference-models/facts.ts';
import type {
  ExpertMix,
  ReferenceModelId,
  ReferenceQuantization,
} from '../../tools/reference-models/models.ts';
import { writeReferenceGguf } from '../../tools/reference-models/write-gguf.ts';
import { pretendGpuEnvironment } from './pretend-gpu.ts';

/** What llama.cpp is asked about; it cannot be asked about experts on the host. */
export type BreakdownCase = Omit<Placement, 'cpuExpertLayers'>;

export interface BreakdownQuestion {
  readonly path: string;
  /** Those of the same layers in a row, or the model is opened more than once. */
  readonly cases: readonly BreakdownCase[];
}

/** A reference model's file. */
export interface Reference {
  readonly modelId: ReferenceModelId;
  readonly quantization: ReferenceQuantization;
  readonly mix: ExpertMix;
}

/** Device bytes of one load, by llama.cpp and by the planner. */
export interface Comparison {
  readonly layout: BreakdownCase;
  readonly isWhole: boolean;
  /** Null where llama.cpp cannot tell. */
  readonly llamaCppBytes: number | null;
  readonly footprintBytes: number;
}

/** Numbers of llama.cpp kept in a file; `npm run bench:planner -- --freeze FILE` measures its loads anew. */
export interface FrozenBreakdowns {
  /** llama.cpp's release. */
  readonly llamaCpp: string;
  readonly rows: readonly {
    readonly reference: Reference;
    readonly layout: BreakdownCase;
    readonly deviceBytes: number;
  }[];
}

const MIB = 2 ** 20;
const CHILD = path.join(import.meta.dirname, 'pretend-gpu/breakdown.ts');
/** More than any case needs: nothing is allocated. */
const MEMORY_MIB = 900_000;

/** By how much the planner may be above llama.cpp; it may never be below. */
export function allowedExcessBytes(llamaCppBytes: number, isWhole: boolean): number {
  return isWhole ? Math.max(0.005 * llamaCppBytes, 8 * MIB) : Math.max(0.1 * llamaCppBytes, 256 * MIB);
}

export function compared(weights: WeightFacts, layout: BreakdownCase, bytes: number | null): Comparison {
  return {
    layout,
    isWhole: layout.gpuLayers >= totalLayers(weights),
    llamaCppBytes: bytes,
    footprintBytes: gpuFootprint(weights, { ...layout, cpuExpertLayers: 0 }).deviceTotalBytes,
  };
}

/** llama.cpp's own breakdown of loads on the pretend GPU, from a process that sees it. One question at a time. */
export class Breakdowns {
  readonly #child: ChildProcess;
  readonly #folder: string;

  /** Keeps its files in `folder`. @throws without the pretend GPU's library */
  constructor(folder: string) {
    this.#folder = folder;
    this.#child = fork(CHILD, {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, ...pretendGpuEnvironment({ mib: MEMORY_MIB }) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  }

  /** @throws where the process ends */
  async compare(reference: Reference, layouts: readonly BreakdownCase[]): Promise<Comparison[]> {
    const { modelId, quantization, mix } = reference;
    const file = path.join(this.#folder, `${modelId}.${mix}.${quantization}.gguf`);
    await writeReferenceGguf(file, modelId, quantization, mix);
    try {
      const answers = await this.#ask({ path: file, cases: layouts });
      const { weights } = referenceVariant(modelId, quantization, mix);
      return layouts.map((layout, index) => compared(weights, layout, answers[index] ?? null));
    } finally {
      await rm(file);
    }
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(question: BreakdownQuestion): Promise<readonly (number | null)[]> {
    const over = new AbortController();
    const { signal } = over;
    const ended = once(this.#child, 'exit', { signal }).then(([code, killer]: unknown[]) => {
      throw new Error(`The process that asks llama.cpp ended: ${String(code ?? killer)}`);
    });
    try {
      this.#child.send(question);
      const answer = Promise.race([once(this.#child, 'message', { signal }), ended]);
      return ((await answer) as [(number | null)[]])[0];
    } finally {
      ended.catch(() => undefined);
      over.abort();
    }
  }
}
