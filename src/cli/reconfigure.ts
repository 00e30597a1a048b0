import { unwatchFile, watchFile } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isatty } from 'node:tty';
import type { ConfigKey } from '../config.ts';
import type { LiveConfig } from '../live-config.ts';
import type { LevelledLog } from '../log.ts';

export interface ReconfigureOptions {
  readonly live: LiveConfig;
  /** The configuration's file, where there is one. */
  readonly file: string | undefined;
  readonly log: LevelledLog;
  /** Told what has changed and is in force; must not throw. */
  readonly onChange: (changed: ReadonlySet<ConfigKey>) => Promise<void>;
  /** The terminal is gone. */
  readonly onHangUp: () => void;
}

/** How often the file is looked at: by its state, so that links, network drives and editors that replace it all count. */
const LOOK_MS = 1000;
/** Who writes the file may not be done when its state changes. */
const SETTLE_MS = 200;

/** Rereads the configuration at SIGHUP and when its file changes, one reading after the other. Returns what ends that. */
export function rereadConfig({
  live,
  file,
  log,
  onChange,
  onHangUp,
}: ReconfigureOptions): () => Promise<void> {
  let last = Promise.resolve();
  let hasEnded = false;
  const reread = (settleMs: number): void => {
    last = last.then(async () => {
      await delay(settleMs);
      if (hasEnded) return;
      const changed = live.reload(log);
      log.level = live.config.logLevel;
      await onChange(changed);
    });
  };
  const wasTerminal = isatty(2);
  const onSignal = () => (wasTerminal && !isatty(2) ? onHangUp() : reread(0));
  const onFile = () => reread(SETTLE_MS);
  process.on('SIGHUP', onSignal);
  if (file !== undefined) watchFile(file, { interval: LOOK_MS, persistent: false }, onFile);
  return async () => {
    hasEnded = true;
    if (file !== undefined) unwatchFile(file, onFile);
    await last;
  };
}
