import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';

export interface Wire {
  /** Writes bytes to the connection as they are, at the pace at which the client reads. False when it has gone. */
  bytes(data: Buffer): Promise<boolean>;
  /** Writes one text message. */
  text(message: string): Promise<boolean>;
  readonly gone: boolean;
}

export interface FakeLyingEndpoint {
  readonly endpoint: string;
  /** Bytes that clients have taken. */
  readonly written: number;
  close(): Promise<void>;
}

/** A WebSocket server that speaks no truth: `lie` is what it does with every connection, once something was asked. */
export async function startFakeLyingEndpoint(
  lie: (wire: Wire, request: { id: number; method: string }) => Promise<unknown>,
): Promise<FakeLyingEndpoint> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  let written = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (client, { socket }) => {
    sockets.add(socket);
    socket.setMaxListeners(0);
    client.on('error', () => {});
    const wire: Wire = {
      get gone() {
        return socket.destroyed;
      },
      async bytes(data) {
        if (socket.destroyed) return false;
        const full = !socket.write(data);
        written += data.length;
        if (full) {
          await new Promise<void>((resolve) => {
            socket.once('drain', resolve);
            socket.once('close', () => resolve());
          });
        } else await new Promise((resolve) => setImmediate(resolve));
        return !socket.destroyed;
      },
      text: (message) => wire.bytes(frame(Buffer.from(message))),
    };
    // One question after another, so that the frames of two lies do not mix.
    let turn: Promise<unknown> = Promise.resolve();
    client.on('message', (data) => {
      turn = turn.then(() => lie(wire, JSON.parse(String(data))));
    });
  });
  return {
    endpoint: `ws://127.0.0.1:${(server.address() as { port: number }).port}`,
    get written() {
      return written;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The head of a WebSocket frame (RFC 6455) that announces so many bytes; `more` of the message follow in other frames. */
export function frameHead(size: number, { first = true, more = false } = {}): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (more ? 0 : 0x80) | (first ? 1 : 0);
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(size), 2);
  return head;
}

export function frame(body: Buffer, part?: { first?: boolean; more?: boolean }): Buffer {
  return Buffer.concat([frameHead(body.length, part), body]);
}
