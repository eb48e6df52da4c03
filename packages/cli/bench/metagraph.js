import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fillSubnet } from '../../devnet/bench/full-subnet.js';
import { startTraffic } from '../../devnet/bench/traffic.js';
import { startNode } from './node.js';
import { median, rounded } from './statistics.js';

const BLOCK_MS = 100;
/** Longer than two blocks: each read is of a state that was not read before. */
const PAUSE_MS = 2.2 * BLOCK_MS;
/** Reads that are not counted: daemons read for months, and the engine compiles what runs often. */
const WARM_UP = 40;
const CLIENT_MS = 300_000;
const OURS = fileURLToPath(new URL('our-metagraph.js', import.meta.url));
const SCRIPT = fileURLToPath(new URL('sdk-metagraph.py', import.meta.url));

/**
 * The time to read a metagraph of 256 neurons, by our client (half of the reads before, half after the others) and by each
 * of the Python SDKs that `pythons` name, from the same node. In every block one neuron sets weights.
 * cold: connecting and the first read; warm: further reads, each after a pause in which blocks came, after so many that are not counted.
 */
export async function measureMetagraph({ reads, pythons }) {
  const node = await startNode({ blockMs: BLOCK_MS });
  try {
    const { netuid, traffic } = await fillSubnet(node);
    const stopTraffic = startTraffic(node.endpoint, traffic, BLOCK_MS);
    const before = await readOurs(node.endpoint, netuid, Math.ceil(reads / 2));
    const sdks = [];
    const skipped = [];
    for (const python of pythons) {
      if (existsSync(python)) sdks.push(...(await readWithSdk(python, node.endpoint, netuid, reads)));
      else skipped.push(`there is no ${python}`);
    }
    const after = await readOurs(node.endpoint, netuid, Math.ceil(reads / 2));
    await stopTraffic();
    const ours = {
      neurons: before.neurons,
      coldMs: rounded(median([before.connect, after.connect])),
      warmMs: rounded(median([...before.reads, ...after.reads])),
    };
    const odd = sdks.find(({ neurons }) => neurons !== ours.neurons);
    if (odd) throw new Error(`bittensor ${odd.version} sees ${odd.neurons} neurons, we ${ours.neurons}`);
    return {
      ours,
      sdks: sdks.map((sdk) => ({
        ...sdk,
        warmRatio: rounded(sdk.warmMs / ours.warmMs),
        ...(sdk.coldMs === undefined ? {} : { coldRatio: rounded(sdk.coldMs / ours.coldMs) }),
      })),
      skipped,
      note: "Cold is connecting and the first read: SDK 11 has its metadata from a file of an earlier run, SDK 10 and ours read them from the node. Each client makes its own runtime call (the SDKs with all columns, ours with eleven), whose time in the node is in all figures. Ours has asked for the version of the block's runtime when the block was announced, a small request a block that is not in the time of a read.",
    };
  } finally {
    await node.close();
  }
}

/** In a process of its own, as the SDKs are: the traffic of this one is not in its time. */
async function readOurs(endpoint, netuid, count) {
  const args = [OURS, endpoint, netuid, count, WARM_UP, PAUSE_MS].map(String);
  return lastLineOf(process.execPath, args, process.env);
}

/** One row for each way that the SDK has to read a metagraph. */
async function readWithSdk(python, endpoint, netuid, count) {
  // A home of its own, since SDK 11 keeps metadata there; the first run fills it, so that cold has it as in daily use.
  const home = mkdtempSync(join(tmpdir(), 'bench-'));
  const run = async (reads) => {
    const args = [SCRIPT, endpoint, netuid, reads, reads > 0 ? WARM_UP : 0, PAUSE_MS / 1000].map(String);
    const env = { PATH: process.env.PATH ?? '', HOME: home, NO_COLOR: '1', BT_NO_PARSE_CLI_ARGS: '1' };
    return lastLineOf(python, args, env);
  };
  try {
    await run(0);
    const { version, neurons, connect, reads } = await run(count);
    return Object.entries(reads).map(([call, times], nth) => ({
      version,
      call,
      neurons,
      ...(nth === 0 ? { coldMs: rounded(connect) } : {}),
      warmMs: rounded(median(times)),
    }));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** What a client's process prints last, parsed. */
async function lastLineOf(program, args, env) {
  const { stdout } = await promisify(execFile)(program, args, { env, timeout: CLIENT_MS });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}
