import { readdirSync, readFileSync } from 'node:fs';

/** Process ids of what runs with a text in its command line (Linux). Zombies have none. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid).includes(text))
    .map(Number);
}

export function commandLine(pid: string | number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // It has just ended.
  }
}

/** Process ids of this process's own runners. */
export function ownRunners(): number[] {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  return children
    .trim()
    .split(' ')
    .filter((pid) => commandLine(pid).includes('runner'))
    .map(Number);
}
