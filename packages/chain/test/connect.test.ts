import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { connectChain } from '../src/index.ts';
import { RpcSocket } from '../src/rpc-socket.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as { port: number }).port;
}

/** A JSON-RPC server that answers each request by `answer`; undefined leaves it open. */
async function rpcServer(answer: (message: { id: number; method: string }, send: (text: string) => void) => void) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => {
    socket.on('message', (data) => answer(JSON.parse(String(data)), (text) => socket.send(text)));
  });
  closers.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
}

it('says in one line that nothing listens, within the given time', async () => {
  const port = await listen(createServer());
  await closers.pop()?.();
  const started = Date.now();
  const error = await connectChain({ endpoints: [`ws://127.0.0.1:${port}`], connectTimeoutMs: 600 }).catch((e) => e);
  expect(error).toMatchObject({ name: 'OperatorError', code: 'CHAIN_UNREACHABLE' });
  expect(error.message).toMatch(
    /^cannot reach the chain at ws:.*ECONNREFUSED.*: start the node or correct the endpoint$/,
  );
  expect(Date.now() - started).toBeLessThan(2_500);
});

it('gives up on an endpoint that accepts and stays silent', async () => {
  const port = await listen(
    createServer((socket) => {
      socket.on('error', () => {});
      closers.push(() => socket.destroy());
    }),
  );
  const connecting = connectChain({ endpoints: [`ws://127.0.0.1:${port}`], connectTimeoutMs: 400 });
  await expect(connecting).rejects.toMatchObject({
    code: 'CHAIN_UNREACHABLE',
    message: expect.stringContaining('no answer within 400 ms'),
  });
});

it('gives up on a node that answers nothing after the handshake, and on what is no JSON-RPC', async () => {
  const silent = await rpcServer(() => {});
  await expect(connectChain({ endpoints: [silent], connectTimeoutMs: 400 })).rejects.toMatchObject({
    code: 'CHAIN_UNREACHABLE',
  });
  const noise = await rpcServer((_message, send) => send('hello'));
  await expect(connectChain({ endpoints: [noise], connectTimeoutMs: 900 })).rejects.toMatchObject({
    code: 'CHAIN_UNREACHABLE',
    message: expect.stringContaining('does not speak JSON-RPC'),
  });
});

it('refuses what is no endpoint, and can be aborted', async () => {
  for (const endpoint of ['localhost:9944', 'nonsense']) {
    await expect(connectChain({ endpoints: [endpoint] }), endpoint).rejects.toMatchObject({
      code: 'CHAIN_BAD_ENDPOINT',
    });
  }
  const silent = await rpcServer(() => {});
  const abort = new AbortController();
  const connecting = connectChain({ endpoints: [silent], signal: abort.signal });
  setTimeout(() => abort.abort(new Error('stopped')), 50);
  await expect(connecting).rejects.toThrow('stopped');
});

const built = fileURLToPath(new URL('../dist/index.js', import.meta.url));
it.skipIf(!existsSync(built))('keeps no process alive and prints nothing after failing', async () => {
  const script = `
    import { connectChain } from '${built}';
    await connectChain({ endpoints: ['ws://127.0.0.1:1'], connectTimeoutMs: 300 }).catch((error) => console.log(error.code));`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 15_000 });
  expect(await run).toMatchObject({ stdout: 'CHAIN_UNREACHABLE\n', stderr: '' });
});

it('hands on notifications in order, those before the answer too, and rejects all that waits when cut', async () => {
  const endpoint = await rpcServer((message, send) => {
    const note = (result: number) =>
      send(JSON.stringify({ jsonrpc: '2.0', method: 'x', params: { subscription: 's', result } }));
    if (message.method !== 'sub') return;
    note(1);
    send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: 's' }));
    note(2);
  });
  const socket = await RpcSocket.open(endpoint, new AbortController().signal);
  const items: unknown[] = [];
  const both = new Promise<void>((resolve) => {
    void socket.subscribe('sub', [], 'unsub', (item) => {
      items.push(item);
      if (items.length === 2) resolve();
    });
  });
  await both;
  expect(items).toEqual([1, 2]);
  const waiting = socket.request('never', []);
  socket.close('test');
  await expect(waiting).rejects.toMatchObject({ code: 'CHAIN_DISCONNECTED' });
  await expect(socket.request('later', [])).rejects.toMatchObject({ code: 'CHAIN_DISCONNECTED' });
});
