// A hub in a process of its own that kills itself before the n-th change to its file system.
// Usage: serve.mjs <data folder> <n, 0: never>. Prints {endpoint, token} once it serves, {steps} when it is stopped.
import { writeSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [, , dataDir, killAt] = process.argv;
let steps = 0;

/** SIGKILL leaves no time for anything: what was not done by now never will be. */
function step(torn) {
  steps += 1;
  if (steps !== Number(killAt)) return undefined;
  return torn === undefined ? kill() : torn().then(kill, kill);
}
function kill() {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

for (const name of ['open', 'rename', 'rm', 'mkdir', 'chmod', 'link', 'writeFile']) {
  const real = files[name];
  files[name] = async (...args) => {
    // Opening for reading changes nothing.
    if (name !== 'open' || String(args[1] ?? 'r') !== 'r') await step();
    return real(...args);
  };
}
const probe = await files.open(new URL(import.meta.url), 'r');
const handle = Object.getPrototypeOf(probe);
await probe.close();
for (const name of ['write', 'writeFile', 'sync']) {
  const real = handle[name];
  handle[name] = async function (...args) {
    const bytes = args[0];
    // A write may have reached the disk by half.
    const torn = name === 'sync' ? undefined : () => real.call(this, bytes.slice(0, Math.ceil(bytes.length / 2)));
    await step(torn);
    return real.apply(this, args);
  };
}
syncBuiltinESMExports();

const { startHub } = await import('../../../packages/devnet/dist/hub/index.js');
const limits = { multipartBytes: 20_000, partBytes: 10_000 };
const hub = await startHub({ dataDir, limits });
const token = await hub.createToken({ namespace: 'alice', role: 'write' });
writeSync(1, `${JSON.stringify({ endpoint: hub.endpoint, token })}\n`);
process.on('SIGTERM', async () => {
  await hub.close();
  writeSync(1, `${JSON.stringify({ steps })}\n`);
  process.exit(0);
});
