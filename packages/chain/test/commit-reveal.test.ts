import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HashedWeights } from '../src/index.ts';
import { startTestSubnet, type TestSubnet } from './devnet.ts';
import { beaconConfigPair, pulsePair, putStorage } from './drand-storage.ts';

/** So long that no epoch starts by itself within a test: blocks are made when one shall. */
const TEMPO = 300;

let subnet: TestSubnet;
let uid: number;
beforeAll(async () => {
  subnet = await startTestSubnet({ commitReveal: true, tempo: TEMPO });
  uid = (await subnet.chain.uidOf(subnet.netuid, subnet.owner.address))!;
}, 60_000);
afterAll(() => subnet?.close());

/** Makes blocks until `number` is final. */
async function goTo(number: number): Promise<void> {
  subnet.node.newBlocks(Math.max(1, number + 1 - subnet.node.blockNumber()));
  await subnet.chain.waitForBlock(number, { ms: 20_000 });
}

const weightsAt = async (block: number) =>
  subnet.chain.weights(subnet.netuid, uid, { at: await subnet.chain.blockHash(block) });

it('commits timelocked weights, which the chain reveals at the block that was told', async () => {
  const { chain, netuid, owner, node } = subnet;
  const [one, two] = [await subnet.addHotkey(), await subnet.addHotkey()];
  await putStorage(node.endpoint, [beaconConfigPair()]);
  const weights = [
    { hotkey: one.address, weight: 1 },
    { hotkey: two.address, weight: 4 },
  ];
  // The beacon is read at a finalised block.
  await chain.waitForBlock(chain.head.number + 3, { ms: 10_000 });
  const set = await chain.setWeights({ netuid, hotkey: owner, weights });
  if (set.form !== 'timelocked') throw new Error(set.form);
  const uids = [(await chain.uidOf(netuid, one.address))!, (await chain.uidOf(netuid, two.address))!];
  expect(set).toMatchObject({ uids, values: [16384, 65535] });
  const { from, until, epoch, round } = set.reveal;
  expect(until - from).toBe(TEMPO);
  expect(await chain.lastUpdate(netuid, uid)).toBe(set.block.number);
  expect(await chain.weightCommits(netuid, owner.address, { at: set.block.hash })).toMatchObject([
    { form: 'timelocked', block: set.block.number, epoch: epoch - 1, round },
  ]);
  await putStorage(node.endpoint, [pulsePair(round)]);
  await goTo(from + 1);
  expect(await weightsAt(from - 1)).toEqual([]);
  expect(await weightsAt(from)).toEqual(uids.map((at, index) => ({ uid: at, value: set.values[index] })));
  expect((await chain.epochs(netuid, { at: await chain.blockHash(from) })).epoch).toBe(epoch);
  expect(await chain.weightCommits(netuid, owner.address)).toEqual([]);
}, 60_000);

it('commits a hash, and reveals it when the chain takes it', async () => {
  const { chain, netuid, owner } = subnet;
  const other = await subnet.addHotkey();
  const before = await chain.weights(netuid, uid);
  let kept: HashedWeights | undefined;
  const set = await chain.setWeights({
    netuid,
    hotkey: owner,
    weights: [{ hotkey: other.address, weight: 1 }],
    commitForm: 'commit-reveal',
    onCommit: (pending) => {
      kept = pending;
    },
  });
  if (set.form !== 'commit-reveal') throw new Error(set.form);
  expect(kept).toEqual(set.pending);
  const reveal = { hotkey: owner, pending: JSON.parse(JSON.stringify(kept)) as HashedWeights };
  const early = await chain.revealWeights(reveal).catch((error) => error);
  expect(early).toMatchObject({ name: 'TransientError', code: 'REVEAL_TOO_EARLY' });
  expect(early.details.blocksToWait).toBeGreaterThan(0);
  expect(early.details.blocksToWait).toBeLessThanOrEqual(set.reveal.from - set.block.number);
  await goTo(set.reveal.from);
  expect(await chain.weights(netuid, uid)).toEqual(before);
  const { block } = await chain.revealWeights(reveal);
  expect(block.number).toBeLessThan(set.reveal.until);
  expect(await chain.weights(netuid, uid, { at: block.hash })).toEqual([{ uid: set.uids[0], value: 65535 }]);
  await expect(chain.revealWeights(reveal)).rejects.toMatchObject({ code: 'NO_WEIGHTS_COMMIT_FOUND' });
}, 60_000);

it('tells at once what would be dropped at the reveal', async () => {
  const { chain, netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  const weights = [{ hotkey: subnet.owner.address, weight: 1 }];
  await expect(chain.setWeights({ netuid, hotkey, weights })).rejects.toMatchObject({
    name: 'ChainError',
    code: 'NEURON_NO_VALIDATOR_PERMIT',
    message: expect.stringContaining('stake more to it'),
  });
});

it('commits for the drand network of a devnet, whose pulses come by themselves', async () => {
  // An epoch is longer than a round, so that the next round is never too late for it.
  const other = await startTestSubnet({ commitReveal: true, beacon: true, tempo: 40 });
  try {
    const { chain, netuid, owner } = other;
    const hotkey = await other.addHotkey();
    const set = await chain.setWeights({ netuid, hotkey: owner, weights: [{ hotkey: hotkey.address, weight: 1 }] });
    if (set.form !== 'timelocked') throw new Error(set.form);
    await expect
      .poll(() => chain.weights(netuid, 0), { timeout: 20_000, interval: 100 })
      .toEqual([{ uid: set.uids[0], value: 65535 }]);
    expect(chain.head.number).toBeGreaterThanOrEqual(set.reveal.from);
    expect(await chain.drandRound()).toBeGreaterThanOrEqual(set.reveal.round);
  } finally {
    await other.close();
  }
}, 60_000);
