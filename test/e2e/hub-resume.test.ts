import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalHub, startHub } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { Secret } from '@tuning/kit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const SIZE = 48 * 1024 ** 2;
/** A program of its own, so that it can be killed. */
const PROGRAM = `
const { createHub } = await import('@tuning/hub');
const [endpoint, repo, revision, to] = process.argv.slice(1);
const limits = { maxBytes: 1e9, maxFiles: 10 };
await createHub({ endpoint, pieceBytes: 8 * 1024 ** 2 }).download({ type: 'model', repo, revision, to, limits });
console.log('done');
`;

let folder: string;
let hub: LocalHub;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hub-resume-'));
  hub = await startHub({ dataDir: join(folder, 'hub') });
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Counts what the hub sends, and holds it back to `bytesPerMs`. */
async function meter(bytesPerMs: number) {
  const state = { bytes: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(new URL(hub.endpoint).port), '127.0.0.1');
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far);
    near.on('close', () => far.destroy());
    far.on('data', (chunk) => {
      state.bytes += chunk.length;
      near.write(chunk);
      far.pause();
      setTimeout(() => far.resume(), chunk.length / bytesPerMs);
    });
    far.on('end', () => near.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { state, endpoint, stop };
}

it('a download whose process is killed goes on with what is on disk', async () => {
  // Not all zeros, which would be one object of one byte repeated.
  const content = Buffer.alloc(SIZE, 'a line that repeats but is no run of equal bytes\n');
  writeFileSync(join(folder, 'weights'), content);
  const client = createHub({
    endpoint: hub.endpoint,
    token: new Secret(await hub.createToken({ namespace: 'alice', role: 'write' })),
  });
  const repo = 'alice/large';
  const { revision } = await client.publish({
    type: 'model',
    repo,
    visibility: 'public',
    files: [{ path: 'model.safetensors', content: join(folder, 'weights') }],
    message: 'weights',
  });
  const to = join(folder, 'to');
  const start = (endpoint: string) =>
    spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, endpoint, repo, revision, to], { stdio: 'inherit' });

  const first = await meter(4_000);
  const killed = start(first.endpoint);
  while (first.state.bytes < SIZE / 2) await new Promise((resolve) => setTimeout(resolve, 20));
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  first.stop();
  expect(readdirSync(to)).not.toContain('model.safetensors');

  const second = await meter(100_000);
  const [code] = await once(start(second.endpoint), 'exit');
  second.stop();
  expect(code).toBe(0);
  expect(readFileSync(join(to, 'model.safetensors')).equals(content)).toBe(true);
  expect(readdirSync(to).filter((name) => name.includes('.part'))).toEqual([]);
  // Half had come; what the last half second brought may be fetched again.
  expect(second.state.bytes).toBeLessThan(SIZE * 0.75);
}, 60_000);
