import { commandSchema, type Command, type Report } from '../../../protocol/frames.ts';
import { toWire } from '../../../errors.ts';
import { Runner } from './runner.ts';

/**
 * Entry of the runner process: argument 1 is the GPU setting, frames come and go over the IPC channel.
 * It lives as long as the channel does.
 */
const send = (report: Report): void => {
  if (process.connected) process.send?.(report, () => undefined);
};

const runner = new Runner(process.argv[2] ?? 'auto', send);

process.on('message', (message) => {
  const parsed = commandSchema.safeParse(message);
  if (!parsed.success) {
    process.stderr.write(`A frame that does not parse: ${parsed.error.message}\n`);
    process.exit(1);
  }
  void receive(parsed.data);
});
process.once('disconnect', () => process.exit(0));
// The gateway decides when a runner ends: a Ctrl+C in its terminal reaches the whole process group.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

async function receive(command: Command): Promise<void> {
  try {
    await runner.receive(command);
  } catch (error) {
    if ('id' in command) send({ type: 'error', id: command.id, error: toWire(error) });
  }
  if (command.type === 'unload') process.exit(0);
}
