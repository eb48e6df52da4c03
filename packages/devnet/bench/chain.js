// Speed of the devnet's chain with each runtime: empty blocks, and transfers from submission over JSON-RPC into a block.
// node packages/devnet/bench/chain.js [--json] [--blocks 300] [--transactions 500] [--rounds 4] [--runtime PATH]
// The real runtime is measured where --runtime or SUBTENSOR_RUNTIME names one.
import { parseArgs } from 'node:util';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { startDevnetNode } from '@tuning/devnet';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    blocks: { type: 'string', default: '300' },
    transactions: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '4' },
    runtime: { type: 'string', default: process.env.SUBTENSOR_RUNTIME },
  },
});
const blocks = Number(flags.blocks);
const transactions = Number(flags.transactions);
const rounds = Number(flags.rounds);

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const rounded = (value) => Math.round(value * 100) / 100;

/** Median of single blocks, called directly: what a block costs without any client. */
function emptyBlocks(node) {
  node.newBlocks(50);
  const times = [];
  for (let i = 0; i < blocks; i++) {
    const start = performance.now();
    node.newBlocks(1);
    times.push(performance.now() - start);
  }
  const total = times.reduce((sum, time) => sum + time, 0);
  return { emptyBlockMs: rounded(median(times)), emptyBlocksPerSecond: Math.round((blocks / total) * 1000) };
}

/** Transfers are signed beforehand; the time runs from the first submission to the block that holds the last. */
async function transfers(node) {
  const provider = new WsProvider(node.endpoint);
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  try {
    const keyring = new Keyring({ type: 'sr25519' });
    const alice = keyring.addFromUri('//Alice');
    const bob = keyring.addFromUri('//Bob').address;
    let nonce = 0;
    const rates = [];
    for (let round = 0; round < rounds; round++) {
      const signed = [];
      for (let i = 0; i < transactions; i++) {
        const tx = api.tx.balances.transferKeepAlive(bob, 1000 + i);
        await tx.signAsync(alice, { nonce: nonce++, era: 0 });
        signed.push(tx.toHex());
      }
      const start = performance.now();
      await Promise.all(signed.map((bytes) => provider.send('author_submitExtrinsic', [bytes])));
      for (let waiting = transactions; waiting > 0; ) {
        await provider.send('dev_newBlock', [{ count: 1 }]);
        const { block } = await provider.send('chain_getBlock', []);
        const included = block.extrinsics.length - 1;
        if (included <= 0) throw new Error(`${waiting} transactions were not included`);
        waiting -= included;
      }
      rates.push((transactions / (performance.now() - start)) * 1000);
    }
    return { transactionsPerSecond: Math.round(median(rates)) };
  } finally {
    await api.disconnect();
  }
}

async function measure(name, options) {
  const started = performance.now();
  const node = await startDevnetNode({ blockMs: 3_600_000, ...options });
  const startMs = Math.round(performance.now() - started);
  try {
    return { runtime: name, startMs, ...emptyBlocks(node), ...(await transfers(node)) };
  } finally {
    await node.close();
  }
}

const results = [await measure('emulated', {})];
if (flags.runtime) results.push(await measure('wasm', { runtime: flags.runtime }));
if (flags.json) console.log(JSON.stringify({ blocks, transactions, rounds, results }));
else {
  console.table(results);
  if (!flags.runtime) console.log('wasm: skipped, since neither --runtime nor SUBTENSOR_RUNTIME names a runtime');
}
