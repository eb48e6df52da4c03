import { execFile, fork } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectChain } from '@tuning/chain';
import { devAccount } from '@tuning/devnet';
import { fillSubnet } from '../../devnet/bench/full-subnet.js';
import { median, percentile, rounded } from './statistics.js';

const BLOCK_MS = 250;
const START_MS = 60_000;
const PYTHON_MS = 300_000;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A devnet of its own process; `close` ends it. */
async function startNode(options) {
  const child = fork(here('node-process.js'), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const endpoint = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the devnet did not start within ${START_MS} ms`)), START_MS);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message.endpoint);
    });
    child.once('exit', (code) => reject(new Error(`the devnet ended with ${code}`)));
  });
  return {
    endpoint,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', resolve);
        child.disconnect();
      }),
  };
}

/**
 * The time to read a metagraph of 256 neurons, by our client and by the Python SDK where `python` names its interpreter,
 * from the same node, one after the other. cold: connecting and the first read; warm: further reads, each of a new block.
 */
export async function measureMetagraph({ reads, python }) {
  const node = await startNode({ blockMs: BLOCK_MS });
  try {
    const netuid = await fillSubnet(node);
    // Twice as long as a block: each read is of a state that was not read before.
    const pauseMs = 2 * BLOCK_MS;
    const ours = await readOurs(node.endpoint, netuid, reads, pauseMs);
    const sdk = await readWithSdk(python, node.endpoint, netuid, reads, pauseMs);
    if (sdk.skipped) return { ours, sdk };
    if (sdk.neurons !== ours.neurons) throw new Error(`the SDK sees ${sdk.neurons} neurons, we ${ours.neurons}`);
    return {
      ours,
      sdk,
      note: 'cold is connecting and the first read: the SDK has its metadata from a file of an earlier run, we read it from the node. The SDK asks for its metagraph by one runtime call, which the devnet answers with all columns but no certificates; we ask for ten columns by the same call, for each stake, and for the certificates that are new: the node has its share in both',
      warmRatio: rounded(sdk.warmMs / ours.warmMs),
      coldRatio: rounded(sdk.coldMs / ours.coldMs),
    };
  } finally {
    await node.close();
  }
}

async function readOurs(endpoint, netuid, count, pauseMs) {
  const start = performance.now();
  const chain = await connectChain({ endpoints: [endpoint] });
  try {
    let graph = await chain.metagraph(netuid);
    const coldMs = performance.now() - start;
    const times = [];
    for (let i = 0; i < count; i++) {
      await sleep(pauseMs);
      const from = performance.now();
      graph = await chain.metagraph(netuid);
      times.push(performance.now() - from);
    }
    return { neurons: graph.neurons.length, coldMs: rounded(coldMs), warmMs: rounded(median(times)) };
  } finally {
    await chain.close();
  }
}

async function readWithSdk(python, endpoint, netuid, count, pauseMs) {
  if (!python) return { skipped: 'TUNING_INTEROP_PYTHON names no Python with bittensor (see test/interop/README.md)' };
  if (!existsSync(python)) return { skipped: `TUNING_INTEROP_PYTHON names ${python}, which does not exist` };
  // A home of its own, since the SDK keeps metadata there; the first run fills it, so that cold has it as in daily use.
  const home = mkdtempSync(join(tmpdir(), 'bench-'));
  const run = async (reads) => {
    const args = [here('sdk-metagraph.py'), endpoint, String(netuid), String(reads), String(pauseMs / 1000)];
    const env = { PATH: process.env.PATH ?? '', HOME: home, NO_COLOR: '1', BT_NO_PARSE_CLI_ARGS: '1' };
    const { stdout } = await promisify(execFile)(python, args, { env, timeout: PYTHON_MS });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  };
  try {
    await run(0);
    const { version, neurons, connect, reads } = await run(count);
    return { version, neurons, coldMs: rounded(connect), warmMs: rounded(median(reads)) };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * From handing a transfer to our client to its resolving, which it does when the transaction is in a finalised block and
 * has succeeded there; one after the other. Blocks are counted from the finalised head at the start.
 */
export async function measureFinality({ transfers, runtime }) {
  const node = await startNode({ blockMs: BLOCK_MS, ...(runtime === undefined ? {} : { runtime }) });
  try {
    const chain = await connectChain({ endpoints: [node.endpoint], connectTimeoutMs: START_MS });
    try {
      const [from, to] = [await devAccount('//Alice'), (await devAccount('//Bob')).address];
      const times = [];
      const blocks = [];
      for (let i = 0; i < transfers; i++) {
        const before = chain.head.number;
        const start = performance.now();
        const block = await chain.transfer({ from, to, amount: 1_000_000n + BigInt(i) });
        times.push(performance.now() - start);
        blocks.push(block.number - before);
      }
      return {
        runtime: runtime === undefined ? 'emulated' : 'wasm',
        blockMs: BLOCK_MS,
        finalityLagBlocks: 1,
        transfers,
        medianMs: rounded(median(times)),
        p95Ms: rounded(percentile(times, 95)),
        medianBlocks: median(blocks),
        p95Blocks: percentile(blocks, 95),
      };
    } finally {
      await chain.close();
    }
  } finally {
    await node.close();
  }
}
