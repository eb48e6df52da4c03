import { connectChain } from '@tuning/chain';
import { devAccount } from '@tuning/devnet';
import { START_MS, startNode } from './node.js';
import { median, percentile, rounded } from './statistics.js';

const BLOCK_MS = 250;

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
