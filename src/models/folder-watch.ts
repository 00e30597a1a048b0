import { once } from 'node:events';
import { existsSync, realpathSync, type Stats } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { watch } from 'chokidar';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** How a folder is watched: by the system's events, by looking every second (network drives tell nothing), or not. */
export type WatchMode = 'events' | 'poll' | 'off';

const POLL_MS = 1000;
/** How long the first walk is waited for. */
const READY_MS = 10_000;
/** What weights consist of; whatever else a folder holds may change as it likes. */
const WEIGHTS = /\.(gguf|json|bin|wasm|model|txt)$/i;

/** Calls back when something that may be weights changes in the folders, whatever it was. The answer ends it. */
export async function watchFolders(
  folders: readonly string[],
  mode: WatchMode,
  { onChange, log }: { onChange: () => void; log: Log },
): Promise<() => Promise<void>> {
  if (mode === 'off' || folders.length === 0) return async () => undefined;
  if (mode === 'poll') {
    const timer = setInterval(onChange, POLL_MS);
    return async () => clearInterval(timer);
  }
  const roots = folders.map((folder) => path.resolve(folder));
  const isHidden = (file: string) => {
    const root = roots.find((each) => file === each || file.startsWith(each + path.sep));
    const names = root === undefined ? [] : path.relative(root, file).split(path.sep);
    return names.some((name) => name.startsWith('.'));
  };
  const watcher = watch([...roots], {
    ignoreInitial: true,
    ignored: (file, stats) =>
      isHidden(path.resolve(file)) || isOther(file, stats) || isLoop(path.resolve(file), stats, roots),
  });
  watcher.on('all', onChange);
  watcher.on('error', (error) => log.error('catalog.watchFailed', { reason: messageOf(error) }));
  // A folder that takes long to walk is watched all the same, a little later.
  await Promise.race([once(watcher, 'ready'), delay(READY_MS, undefined, { ref: false })]);
  // Events tell nothing of a folder that is yet to come, or of a drive that was away and is back.
  let here = new Set(roots.filter((root) => existsSync(root)));
  const timer = setInterval(() => {
    const now = new Set(roots.filter((root) => existsSync(root)));
    const isBack = [...now].filter((root) => !here.has(root));
    for (const root of isBack) watcher.unwatch(root).add(root);
    if (isBack.length > 0 || now.size < here.size) onChange();
    here = now;
  }, POLL_MS);
  return async () => {
    clearInterval(timer);
    await watcher.close();
  };
}

const isOther = (file: string, stats: Stats | undefined): boolean =>
  stats?.isFile() === true && !WEIGHTS.test(file);

/** A linked folder that is one of the roots, or one of those that lead to it: followed, it would never end. */
function isLoop(file: string, stats: Stats | undefined, roots: readonly string[]): boolean {
  if (stats?.isDirectory() !== true || roots.includes(file)) return false;
  try {
    const real = realpathSync(file);
    if (real === file) return false;
    const ancestors: string[] = [];
    for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder))
      ancestors.push(realpathSync(folder));
    return ancestors.includes(real) || roots.some((root) => realpathSync(root) === real);
  } catch {
    return true; // A link to nowhere.
  }
}
