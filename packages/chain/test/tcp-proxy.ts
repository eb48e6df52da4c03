import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a node, to cut, stall and refuse connections. */
export interface TcpProxy {
  readonly endpoint: string;
  /** Closes every connection now; new ones are taken. */
  cut(): void;
  /** While stalled, bytes vanish in both directions and sockets stay open: a half-open connection. */
  stalled: boolean;
  /** While refusing, new connections are closed at once. */
  refusing: boolean;
  readonly accepted: number;
  close(): Promise<void>;
}

export async function startTcpProxy(endpoint: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((client) => {
    if (proxy.refusing) {
      client.destroy();
      return;
    }
    accepted++;
    const node = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, node],
      [node, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (!proxy.stalled) to.write(data);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = {
    endpoint: `ws://127.0.0.1:${(server.address() as { port: number }).port}`,
    stalled: false,
    refusing: false,
    get accepted() {
      return accepted;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      this.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
