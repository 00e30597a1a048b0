import { createLogUpdate } from 'log-update';

/** How often what lives is drawn anew, milliseconds. */
const FRAME_MS = 100;

/** Draws to standard error again and again until `stop`; nothing where that is no terminal. `draw` is given its width. */
export function live(draw: (width: number) => string): { stop(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { stop: () => undefined };
  const update = createLogUpdate(stderr);
  const frame = () => update(draw(stderr.columns));
  const timer = setInterval(frame, FRAME_MS);
  frame();
  return {
    stop() {
      clearInterval(timer);
      frame();
      update.done();
    },
  };
}
