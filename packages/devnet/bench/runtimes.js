import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { startDevnetNode } from '@tuning/devnet';

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const rounded = (value) => Math.round(value * 100) / 100;

/** Median of single blocks, called directly: what a block costs without any client. */
function emptyBlocks(node, blocks) {
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
async function transfers(node, transactions, rounds) {
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

/** Empty blocks, and transfers from submission over JSON-RPC into a block, with one runtime. */
export async function measureRuntime(name, nodeOptions, { blocks, transactions, rounds }) {
  const started = performance.now();
  const node = await startDevnetNode({ blockMs: 3_600_000, ...nodeOptions });
  const startMs = Math.round(performance.now() - started);
  try {
    return { runtime: name, startMs, ...emptyBlocks(node, blocks), ...(await transfers(node, transactions, rounds)) };
  } finally {
    await node.close();
  }
}
