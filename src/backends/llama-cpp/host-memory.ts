import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** What a process has for itself: weights that are mapped from files are not in it, the system can drop those. */
const OWN = /^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm;
const LOOK_MS = 1000;

/** Bytes of host memory that a process has for itself, swapped ones included; null where the system does not tell (Linux does). */
export async function ownMemoryBytes(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return [...status.matchAll(OWN)].reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0);
  } catch {
    return null; // It has ended, or there is no /proc.
  }
}

/** Looks at a process once a second, and tells once that it has more than it may. Returns what ends the looking. */
export function watchMemory(
  pid: number,
  limitBytes: number,
  onExceeded: (bytes: number) => void,
): () => void {
  const end = () => clearInterval(timer);
  const look = async () => {
    const bytes = await ownMemoryBytes(pid);
    if (bytes === null || bytes <= limitBytes) return;
    end();
    onExceeded(bytes);
  };
  const timer = setInterval(() => void look(), LOOK_MS).unref();
  return end;
}

/** Added to the gateway's own score, which goes up to 1000: as much as half of the machine's memory. */
const OUT_OF_MEMORY_SCORE = 500;

/** Where the machine runs out of memory, Linux is to end this process rather than the gateway. Nothing elsewhere. */
export function endFirst(pid: number): void {
  try {
    const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(Math.min(1000, own + OUT_OF_MEMORY_SCORE)));
  } catch {
    // Not Linux, or /proc is not to be written to: then the largest process goes first, which mostly is a runner.
  }
}
