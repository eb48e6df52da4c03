import { expect, it } from 'vitest';
import { startTestSubnet } from './devnet.ts';
it('e2e', async () => {
  const subnet = await startTestSubnet({ commitReveal: true, beacon: true } as never);
  const { chain, netuid, owner } = subnet;
  const one = await subnet.addHotkey();
  await chain.waitForBlock(chain.head.number + 3, { ms: 10_000 });
  const t = Date.now();
  const set = await chain.setWeights({ netuid, hotkey: owner, weights: [{ hotkey: one.address, weight: 1 }] });
  if (set.form !== 'timelocked') throw new Error(set.form);
  console.log(set.block.number, set.reveal);
  await chain.waitForBlock(set.reveal.from + 1, { ms: 60_000 });
  const uid = (await chain.uidOf(netuid, owner.address))!;
  for (const n of [-1, 0, 1]) console.log(n, JSON.stringify(await chain.weights(netuid, uid, { at: await chain.blockHash(set.reveal.from + n) })), Date.now() - t);
  expect(await chain.weights(netuid, uid)).toHaveLength(1);
  await subnet.close();
}, 90_000);
