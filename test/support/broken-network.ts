import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut and mended: every connection through it is dropped, and new ones are refused. */
export async function brokenNetwork(port: number) {
  let targetPort = port;
  const sockets = new Set<Socket>();
  let isCut = false;
  let bytesLeft = Infinity;
  let onDropped = (): void => undefined;
  const drop = () => sockets.forEach((socket) => socket.destroy());
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const target = connect(targetPort, '127.0.0.1');
    client.pipe(target).pipe(client);
    target.on('data', ({ length }: Buffer) => {
      if ((bytesLeft -= length) > 0) return;
      bytesLeft = Infinity;
      drop();
      onDropped();
    });
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      drop();
    },
    mend() {
      isCut = false;
    },
    /** From now on it leads to another server. */
    target(other: number) {
      targetPort = other;
      drop();
    },
    /** Every connection is dropped once, when so many bytes more have come from the server; resolves then. */
    dropAfter(bytes: number): Promise<void> {
      bytesLeft = bytes;
      return new Promise((resolve) => (onDropped = resolve));
    },
    close() {
      drop();
      server.close();
    },
  };
}
