const INTERRUPTED = 130;

/**
 * Lets Ctrl-C stop a command gracefully; a second one ends it at once. Until what it returns is called.
 *
 * A listener that stays: while log-update draws, restore-cursor listens too, and ends the process where it finds itself
 * alone, as it does once a `once` has removed itself.
 */
export function onInterrupt(stop: () => void): () => void {
  let isStopping = false;
  const listener = () => {
    if (isStopping) process.exit(INTERRUPTED);
    isStopping = true;
    stop();
  };
  process.on('SIGINT', listener);
  return () => process.removeListener('SIGINT', listener);
}
