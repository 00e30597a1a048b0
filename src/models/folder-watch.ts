import path from 'node:path';
import { watch, type FSWatcher } from 'chokidar';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** How a folder is watched: by the system's events, by looking every second (network drives tell nothing), or not. */
export type WatchMode = 'events' | 'poll' | 'off';

const POLL_MS = 1000;
/** What weights consist of; whatever else a folder holds may change as it likes. */
const WEIGHTS = /\.(gguf|json|bin|wasm|model|txt)$/i;

/** Calls back when something that may be weights changes in the folders, whatever it was. */
export async function watchFolders(
  folders: readonly string[],
  mode: Exclude<WatchMode, 'off'>,
  { onChange, log }: { onChange: () => void; log: Log },
): Promise<FSWatcher> {
  const roots = folders.map((folder) => path.resolve(folder));
  const isHidden = (file: string) => {
    const root = roots.find((each) => file === each || file.startsWith(each + path.sep));
    return (
      root !== undefined &&
      path
        .relative(root, file)
        .split(path.sep)
        .some((name) => name.startsWith('.'))
    );
  };
  const watcher = watch([...roots], {
    ignoreInitial: true,
    usePolling: mode === 'poll',
    interval: POLL_MS,
    binaryInterval: POLL_MS,
    ignored: (file, stats) =>
      isHidden(path.resolve(file)) || (stats?.isFile() === true && !WEIGHTS.test(file)),
  });
  watcher.on('all', onChange);
  watcher.on('error', (error) => log.error('catalog.watchFailed', { reason: messageOf(error) }));
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return watcher;
}
