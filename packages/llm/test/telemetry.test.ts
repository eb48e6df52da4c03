import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

/** Runs one session in a fresh process (it is latched per process) with an own home; lists what it left and holds open. */
function runSession() {
  const home = mkdtempSync(join(tmpdir(), 'telemetry-'));
  const builder = fileURLToPath(new URL('../dist/index.js', import.meta.url));
  const script = `
    import { readdirSync, readlinkSync } from 'node:fs';
    const { GraphBuilder, createSession, loadRuntime } = await import(${JSON.stringify(builder)});
    const graph = new GraphBuilder('main');
    const x = graph.input('x', 'float32', [1]);
    graph.output(graph.node('Neg', [x], {}, 'y'), 'float32', [1]);
    const ort = await loadRuntime();
    const session = await createSession(graph.encode());
    await session.run({ x: new ort.Tensor('float32', [1], [1]) });
    const open = readdirSync('/proc/self/fd').map((fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } });
    console.log(JSON.stringify(open.filter((path) => /onnxruntime\\.db|Microsoft/.test(path))));
  `;
  // Neither CI nor ORT_DISABLE_TELEMETRY is set: only our own code may turn it off.
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, '.cache') },
    encoding: 'utf8',
    timeout: 20_000,
  });
  const files = existsSync(home) ? readdirSync(home, { recursive: true }).map(String) : [];
  rmSync(home, { recursive: true, force: true });
  return { open: result.stdout.trim(), files, stderr: result.stderr, status: result.status };
}

test.skipIf(process.platform !== 'linux')('a session opens no telemetry database and leaves no file', () => {
  const { open, files, stderr, status } = runSession();
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(open).toBe('[]');
  expect(files).toEqual([]);
});

test('a worker thread, where the switch would have no effect, refuses to load the runtime', async () => {
  const module = fileURLToPath(new URL('../dist/index.js', import.meta.url));
  const code = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(module)})
      .then(({ loadRuntime }) => loadRuntime())
      .then(() => parentPort.postMessage('loaded'), (error) => parentPort.postMessage(error.code));
  `;
  const worker = new Worker(code, { eval: true, env: {} });
  const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
  expect(answer).toBe('RUNTIME_TELEMETRY');
});
