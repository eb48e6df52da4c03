import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SubtensorChain } from '../src/subtensor-chain.ts';
import { newSigner, startTestSubnet, type TestSubnet } from './devnet.ts';

const GAP = 2_000;
const KEPT = 64;

let subnet: TestSubnet;
beforeAll(async () => {
  subnet = await startTestSubnet({ keepStates: KEPT });
}, 60_000);
afterAll(() => subnet?.close());

/** `commitments.set_commitment` of one Raw field, as SCALE bytes: pallet 18, call 0; RawN is variant N + 1. */
function commitmentCall(netuid: number, text: string): string {
  const field = Buffer.concat([Buffer.of(0x04, text.length + 1), Buffer.from(text)]);
  return `0x${Buffer.concat([Buffer.of(18, 0, netuid & 0xff, netuid >> 8), field]).toString('hex')}`;
}

it('misses no commitment of thousands of blocks whose state the endpoint has dropped', async () => {
  const { chain, netuid, node } = subnet;
  const raw = chain as unknown as SubtensorChain;
  const [one, two, batcher] = [await subnet.addHotkey(), await subnet.addHotkey(), await subnet.addHotkey()];
  const late = newSigner();
  const from = chain.head.number;
  const blocks = new Map<string, number>();
  const commit = async (hotkey: typeof one, text: string) => {
    blocks.set(text, (await chain.commit({ netuid, hotkey, fields: [text] })).number);
  };
  const refused = async (hotkey: typeof one) => {
    const error = await chain.commit({ netuid, hotkey, fields: ['refused'] }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ACCOUNT_NOT_ALLOWED_COMMIT' });
    return (error as { details: { block: number } }).details.block;
  };
  await Promise.all([commit(one, 'one-1'), commit(two, 'two-1')]);
  await commit(one, 'one-2');
  await refused(newSigner());
  const early = await refused(late);
  const batch = await raw.submit(
    {
      pallet: 'utility',
      call: 'batch',
      args: [[commitmentCall(netuid, 'batched'), commitmentCall(netuid, 'batched-last')]],
    },
    batcher,
  );
  blocks.set('batched-last', batch.block.number);
  await chain.register({ netuid, hotkey: late.address, coldkey: subnet.coldkey, maxBurn: 10n ** 12n });
  await commit(late, 'late');
  await commit(one, 'one-3');
  await commit(batcher, 'after the batch');
  node.newBlocks(GAP);
  await commit(one, 'one-4');
  await expect(chain.metagraph(netuid, { at: await chain.blockHash(from) })).rejects.toMatchObject({
    code: 'CHAIN_STATE_PRUNED',
  });

  const end = new AbortController();
  const numbers: number[] = [];
  const found = new Map<string, { block: number; unproven: boolean }>();
  const last = chain.head.number + 5;
  const started = Date.now();
  await chain.watchCommitments({
    netuid,
    fromBlock: from,
    signal: end.signal,
    onBlock: async (block, commitments) => {
      numbers.push(block.number);
      for (const { fields, block: at, unproven } of commitments) {
        expect(at).toBe(block.number);
        found.set(fields.join(), { block: at, unproven: unproven === true });
      }
      if (block.number >= last) end.abort();
    },
  });
  expect(numbers).toEqual(numbers.map((_, at) => from + at));
  expect(numbers.length).toBeGreaterThan(GAP);
  // What the state can no longer prove is said to be so: a batch may stop half way, and `late` was not registered then.
  expect(Object.fromEntries(found)).toEqual({
    ...Object.fromEntries([...blocks].map(([text, block]) => [text, { block, unproven: text === 'batched-last' }])),
    refused: { block: early, unproven: true },
  });
  expect(Date.now() - started).toBeLessThan(60_000);
}, 120_000);
