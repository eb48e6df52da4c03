import { afterEach, expect, it } from 'vitest';
import { startTestSubnet, type TestSubnet } from './devnet.ts';

let subnet: TestSubnet | undefined;
afterEach(async () => {
  await subnet?.close();
  subnet = undefined;
});

it('works where finality trails the newest block', async () => {
  subnet = await startTestSubnet({ blockMs: 50, finalityLag: 3 });
  const { chain, netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  const blocks = await Promise.all(['a', 'b'].map((text) => chain.commit({ netuid, hotkey, fields: [text] })));
  expect(blocks[1]!.number).toBeGreaterThan(blocks[0]!.number);
  expect(chain.head.number).toBeGreaterThanOrEqual(blocks[1]!.number);
  const end = new AbortController();
  const found: string[] = [];
  await chain.watchCommitments({
    netuid,
    fromBlock: blocks[0]!.number,
    signal: end.signal,
    onBlock: async (block, commitments) => {
      expect(chain.head.number).toBeGreaterThanOrEqual(block.number);
      found.push(...commitments.map((one) => `${one.block} ${one.fields}`));
      if (block.number >= blocks[1]!.number) end.abort();
    },
  });
  expect(found).toEqual([`${blocks[0]!.number} a`, `${blocks[1]!.number} b`]);
});

it('makes blocks by its transactions on a node that seals at once', async () => {
  subnet = await startTestSubnet({ blockMs: 'instant' });
  const { chain, netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  const blocks = await Promise.all(['a', 'b', 'c'].map((text) => chain.commit({ netuid, hotkey, fields: [text] })));
  expect(new Set(blocks.map(({ number }) => number)).size).toBe(3);
});

it('rebuilds what it can of blocks whose state the node has dropped', async () => {
  subnet = await startTestSubnet({ blockMs: 30, keepBlocks: 30 });
  const { chain, netuid } = subnet;
  const [one, two] = [await subnet.addHotkey(), await subnet.addHotkey()];
  const overwritten = await chain.commit({ netuid, hotkey: one, fields: ['overwritten'] });
  const kept = await chain.commit({ netuid, hotkey: two, fields: ['kept'] });
  const again = await chain.commit({ netuid, hotkey: one, fields: ['again'] });
  await chain.waitForBlock(again.number + 50, { ms: 20_000 });
  await expect(chain.metagraph(netuid, { at: kept.hash })).rejects.toMatchObject({ code: 'CHAIN_STATE_PRUNED' });
  const end = new AbortController();
  const numbers: number[] = [];
  const found: string[] = [];
  const last = chain.head.number;
  await chain.watchCommitments({
    netuid,
    fromBlock: overwritten.number,
    signal: end.signal,
    onBlock: async (block, commitments) => {
      numbers.push(block.number);
      found.push(...commitments.map((commitment) => `${commitment.block} ${commitment.fields}`));
      if (block.number >= last) end.abort();
    },
  });
  expect(numbers).toEqual(numbers.map((_, at) => overwritten.number + at));
  expect(found).toEqual([`${kept.number} kept`, `${again.number} again`]);
});
