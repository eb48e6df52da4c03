// Speed and memory of the hub client at the local hub, side by side with `cp` and `sha256sum` of the same file in the same round.
// npm run bench -- hub [--json] [--full] [--mib 128] [--rounds 3]
//   --full: 1 GiB, for which the client has to stay under 200 MiB of memory either way
// Client and hub share the machine: an upload is hashed twice by the client and once by the hub, a download once.
import { spawn, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from './statistics.js';

const MIB = 2 ** 20;
const MOST_RSS_BYTES = 200 * MIB;
const JOB = fileURLToPath(new URL('./hub-job.js', import.meta.url));

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    mib: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '3' },
  },
});
const mib = flags.full ? 1024 : Number(flags.mib);
const rounds = Number(flags.rounds);
if (!Number.isInteger(mib) || mib < 1 || !Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write('--mib and --rounds are whole numbers from 1\n');
  process.exit(78);
}

const folder = mkdtempSync(join(tmpdir(), 'tuning-bench-hub-'));
const file = join(folder, 'weights');
const load = loadavg()[0];
try {
  writeNoise(file);
  const server = await serve();
  const env = { ...process.env, BENCH_TOKEN: server.token };
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const repo = `bench/round-${round}`;
    const to = join(folder, 'down');
    const copy = copyAndHash(join(folder, 'copy'));
    const up = job(['up', server.endpoint, repo, file], env);
    const down = job(['down', server.endpoint, repo, to], env);
    requireSame(join(to, 'model.safetensors'));
    rmSync(to, { recursive: true });
    results.push({ copy, up, down });
  }
  report(results, await server.stop());
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Bytes that no file system packs. */
function writeNoise(path) {
  const noise = randomFillSync(Buffer.alloc(MIB));
  const fd = openSync(path, 'w');
  for (let i = 0; i < mib; i++) {
    noise.writeUInt32LE(i);
    writeSync(fd, noise);
  }
  closeSync(fd);
}

async function serve() {
  const dataDir = join(folder, 'hub');
  mkdirSync(dataDir);
  const child = spawn(process.execPath, [JOB, 'serve', dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { endpoint, token } = JSON.parse((await lines.next()).value);
  return {
    endpoint,
    token,
    stop: async () => {
      const exit = once(child, 'exit');
      child.stdin.end();
      const { peakRssBytes } = JSON.parse((await lines.next()).value);
      await exit;
      return peakRssBytes;
    },
  };
}

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${command} ${args[0]}: ${stderr || error}`);
  return stdout;
}

function job(args, env) {
  return JSON.parse(run(process.execPath, [JOB, ...args], { env }));
}

/** Seconds of `cp` and `sha256sum` of the copy. */
function copyAndHash(to) {
  const start = performance.now();
  run('cp', [file, to]);
  run('sha256sum', [to]);
  const seconds = (performance.now() - start) / 1000;
  rmSync(to);
  return { seconds };
}

function requireSame(path) {
  run('cmp', [file, path]);
}

function report(results, hubPeakRssBytes) {
  const sides = Object.fromEntries(
    ['copy', 'up', 'down'].map((side) => {
      const speeds = results.map((result) => mib / result[side].seconds);
      const peaks = results.map((result) => result[side].peakRssBytes).filter(Boolean);
      const facts = { mibPerSecond: median(speeds), slowest: Math.min(...speeds), fastest: Math.max(...speeds) };
      return [side, peaks.length > 0 ? { ...facts, peakRssBytes: Math.max(...peaks) } : facts];
    }),
  );
  const machine = { cpu: cpus()[0].model, cores: availableParallelism(), node: process.version, load };
  if (flags.json) console.log(JSON.stringify({ ...machine, mib, rounds, ...sides, hubPeakRssBytes, results }));
  else {
    console.log(`${mib} MiB, ${rounds} rounds; ${machine.cpu}, ${machine.cores} cores, load ${load.toFixed(1)}`);
    for (const [side, { mibPerSecond, slowest, fastest, peakRssBytes }] of Object.entries(sides)) {
      const name = { copy: 'cp + sha256sum', up: 'upload', down: 'download' }[side];
      const memory = peakRssBytes ? `, at most ${(peakRssBytes / MIB).toFixed(0)} MiB of memory` : '';
      console.log(
        `${name.padEnd(15)} ${mibPerSecond.toFixed(0).padStart(5)} MiB/s (${slowest.toFixed(0)}-${fastest.toFixed(0)})${memory}`,
      );
    }
    console.log(`the hub used at most ${(hubPeakRssBytes / MIB).toFixed(0)} MiB of memory`);
  }
  const tooMuch = Math.max(sides.up.peakRssBytes, sides.down.peakRssBytes) > MOST_RSS_BYTES;
  if (tooMuch) process.stderr.write(`more than ${MOST_RSS_BYTES / MIB} MiB of memory\n`);
  if (tooMuch) process.exitCode = 1;
}
