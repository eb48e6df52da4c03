import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectChain } from '../src/index.ts';
import { newSigner, ONE_TAO, startTestSubnet, type TestSubnet } from './devnet.ts';

let subnet: TestSubnet;
beforeAll(async () => {
  subnet = await startTestSubnet({ weightsRateLimit: 12 });
}, 60_000);
afterAll(() => subnet?.close());

const code = (expected: string, more: object = {}) => expect.objectContaining({ code: expected, ...more });
const key = (byte: number) => Uint8Array.from([0xed, ...new Uint8Array(32).fill(byte)]);

it('follows the finalised chain and measures its pace', async () => {
  const { chain } = subnet;
  expect(chain.genesisHash).toMatch(/^0x[0-9a-f]{64}$/);
  expect(chain.specName).toBe('node-subtensor');
  const seen: number[] = [];
  const off = chain.onFinalised((block) => seen.push(block.number));
  const from = chain.head.number;
  const reached = await chain.waitForBlock(from + 5, { ms: 10_000 });
  off();
  expect(reached.number).toBeGreaterThanOrEqual(from + 5);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(await chain.blockHash(reached.number)).toBe(reached.hash);
  await expect(chain.blockHash(reached.number + 1_000)).rejects.toEqual(code('CHAIN_BLOCK_NOT_FINAL'));
  await expect(chain.waitForBlock(1_000_000, { ms: 50 })).rejects.toEqual(code('DEADLINE_EXCEEDED'));
  // The first blocks of the set-up come in a burst; the mean must get over that.
  await expect.poll(() => chain.blockTimeMs, { timeout: 15_000 }).toSatisfy((ms: number) => ms > 80 && ms < 1_000);
});

it('reads the rules of a subnet', async () => {
  const { chain, netuid } = subnet;
  expect(await chain.subnetExists(netuid)).toBe(true);
  expect(await chain.subnetExists(999)).toBe(false);
  expect(await chain.hyperparameters(netuid)).toMatchObject({
    tempo: 20,
    weightsRateLimit: 12,
    servingRateLimit: 0,
    commitRevealEnabled: false,
    registrationAllowed: true,
  });
});

it('registers a hotkey, once, at a price within the limit', async () => {
  const { chain, netuid, coldkey } = subnet;
  const hotkey = newSigner();
  const args = { netuid, hotkey: hotkey.address, coldkey, maxBurn: 20n * ONE_TAO };
  expect(await chain.uidOf(netuid, hotkey.address)).toBeUndefined();
  const before = await chain.balance(coldkey.address);
  expect(before).toBe(100n * ONE_TAO);
  await expect(chain.register({ ...args, maxBurn: 1n })).rejects.toEqual(code('BURN_ABOVE_LIMIT'));
  await expect(chain.register({ ...args, netuid: 999 })).rejects.toEqual(code('SUBNET_NOT_FOUND'));
  await expect(chain.register({ ...args, coldkey: newSigner() })).rejects.toEqual(code('NOT_ENOUGH_BALANCE'));
  const { uid, burned, block } = await chain.register(args);
  expect(await chain.uidOf(netuid, hotkey.address)).toBe(uid);
  expect(burned).toBeGreaterThan(0n);
  const paid = before - (await chain.balance(coldkey.address));
  expect(paid).toBeGreaterThan(0n);
  expect(paid).toBeLessThanOrEqual(burned + ONE_TAO / 100n);
  await expect(chain.register(args)).rejects.toEqual(code('ALREADY_REGISTERED', { name: 'OperatorError' }));
  const { neurons } = await chain.metagraph(netuid, { at: block.hash });
  expect(neurons.find((neuron) => neuron.uid === uid)).toMatchObject({
    hotkey: hotkey.address,
    coldkey: coldkey.address,
    axon: undefined,
    peerKey: undefined,
    validatorPermit: false,
    registeredAt: block.number,
    lastUpdate: block.number,
  });
});

it('publishes address and key, changes them, and sends nothing when they are the same', async () => {
  const { chain, netuid } = subnet;
  const hotkey = await subnet.addHotkey();
  const args = { netuid, hotkey, ip: '127.0.0.2', port: 4001, certificate: key(7), version: 3, placeholder1: 1 };
  const first = await chain.serve(args);
  expect(first.changed).toBe(true);
  expect((await chain.serve(args)).changed).toBe(false);
  const neuron = async () => (await chain.metagraph(netuid)).neurons.find((one) => one.hotkey === hotkey.address);
  expect(await neuron()).toMatchObject({
    axon: { ip: '127.0.0.2', port: 4001, protocol: 0, version: 3, placeholder1: 1, placeholder2: 0 },
    peerKey: new Uint8Array(32).fill(7),
  });
  expect((await chain.serve({ ...args, ip: '0.0.0.0', certificate: key(8) })).changed).toBe(true);
  expect(await neuron()).toMatchObject({ axon: { ip: '0.0.0.0' }, peerKey: new Uint8Array(32).fill(8) });
  await expect(chain.serve({ ...args, ip: '127.0.0.1' })).rejects.toEqual(code('AXON_ADDRESS_REFUSED'));
  await expect(chain.serve({ ...args, hotkey: newSigner() })).rejects.toEqual(code('HOTKEY_NOT_REGISTERED'));
});

it('keeps the history of a slot that is overwritten within successive blocks', async () => {
  const { chain, netuid } = subnet;
  const [one, two] = [await subnet.addHotkey(), await subnet.addHotkey()];
  const from = chain.head.number;
  // All at once: each account's own queue puts them into different blocks.
  const blocks = await Promise.all([
    ...['a', 'b', 'c'].map((text) => chain.commit({ netuid, hotkey: one, fields: [text, 'second'] })),
    chain.commit({ netuid, hotkey: two, fields: ['x'.repeat(128)] }),
  ]);
  const own = blocks.slice(0, 3).map(({ number }) => number);
  expect(new Set(own).size).toBe(3);
  expect(await chain.commitment(netuid, one.address)).toEqual({ block: own[2], fields: ['c', 'second'] });
  expect(await chain.commitment(netuid, one.address, { at: blocks[0]!.hash })).toEqual({
    block: own[0],
    fields: ['a', 'second'],
  });
  const end = new AbortController();
  const numbers: number[] = [];
  const found: string[] = [];
  const last = Math.max(...blocks.map(({ number }) => number));
  await chain.watchCommitments({
    netuid,
    fromBlock: from,
    signal: end.signal,
    onBlock: async (block, commitments) => {
      numbers.push(block.number);
      expect(await chain.blockHash(block.number)).toBe(block.hash);
      for (const { hotkey, block: at, fields } of commitments) found.push(`${at} ${hotkey} ${fields.join()}`);
      if (block.number >= last + 3) end.abort();
    },
  });
  expect(numbers).toEqual(Array.from({ length: last + 4 - from }, (_, at) => from + at));
  expect(found.sort()).toEqual(
    [
      ...['a', 'b', 'c'].map((text, at) => `${own[at]} ${one.address} ${text},second`),
      `${blocks[3]!.number} ${two.address} ${'x'.repeat(128)}`,
    ].sort(),
  );
  await expect(chain.commit({ netuid, hotkey: newSigner(), fields: ['x'] })).rejects.toMatchObject({
    name: 'ChainError',
    code: 'ACCOUNT_NOT_ALLOWED_COMMIT',
  });
});

it('sets weights, and knows beforehand when it may not', async () => {
  const { chain, netuid, owner } = subnet;
  const [one, two] = [await subnet.addHotkey(), await subnet.addHotkey()];
  const weights = [
    { hotkey: one.address, weight: 3 },
    { hotkey: newSigner().address, weight: 50 },
    { hotkey: two.address, weight: 1 },
  ];
  const args = { netuid, hotkey: owner, weights };
  const uid = (await chain.uidOf(netuid, owner.address))!;
  await chain.waitForBlock((await chain.lastUpdate(netuid, uid)) + 12, { ms: 20_000 });
  const { block, uids, values } = await chain.setWeights(args);
  expect(uids).toEqual([await chain.uidOf(netuid, one.address), await chain.uidOf(netuid, two.address)]);
  expect(values).toEqual([65535, 21845]);
  expect(await chain.weights(netuid, uid, { at: block.hash })).toEqual([
    { uid: uids[0], value: 65535 },
    { uid: uids[1], value: 21845 },
  ]);
  expect(await chain.lastUpdate(netuid, uid)).toBe(block.number);
  const tooSoon = await chain.setWeights(args).catch((error) => error);
  expect(tooSoon).toMatchObject({ name: 'TransientError', code: 'WEIGHTS_TOO_SOON' });
  expect(tooSoon.details.blocksToWait).toBeGreaterThan(0);
  expect(tooSoon.details.blocksToWait).toBeLessThan(12);
  await chain.waitForBlock(chain.head.number + tooSoon.details.blocksToWait, { ms: 20_000 });
  expect((await chain.setWeights(args)).block.number).toBeGreaterThanOrEqual(block.number + 12);
  await expect(chain.setWeights({ ...args, hotkey: newSigner() })).rejects.toEqual(code('HOTKEY_NOT_REGISTERED'));
  await chain.waitForBlock((await chain.lastUpdate(netuid, uids[1]!)) + 12, { ms: 20_000 });
  await expect(chain.setWeights({ ...args, hotkey: two })).rejects.toMatchObject({
    name: 'ChainError',
    code: 'NEURON_NO_VALIDATOR_PERMIT',
  });
}, 60_000);

it('gives one error for what the pool and what a block refuses', async () => {
  const { chain, coldkey } = subnet;
  const to = newSigner().address;
  await chain.transfer({ from: coldkey, to, amount: 5n * ONE_TAO });
  expect(await chain.balance(to)).toBe(5n * ONE_TAO);
  const penniless = await chain.transfer({ from: newSigner(), to, amount: 1n }).catch((error) => error);
  expect(penniless).toMatchObject({ name: 'ChainError', code: 'PAYMENT' });
  const tooMuch = await chain.transfer({ from: coldkey, to, amount: 10_000n * ONE_TAO }).catch((error) => error);
  expect(tooMuch).toMatchObject({ name: 'ChainError', details: { call: 'balances.transferKeepAlive' } });
  expect(tooMuch.details.block).toBeGreaterThan(0);
});

it('shares an account with another program', async () => {
  const { chain, coldkey, node } = subnet;
  const other = await connectChain({ endpoints: [node.endpoint] });
  try {
    const to = newSigner().address;
    for (let round = 0; round < 2; round++) {
      await chain.transfer({ from: coldkey, to, amount: ONE_TAO });
      await other.transfer({ from: coldkey, to, amount: ONE_TAO });
    }
    await Promise.all([1, 2, 3].map(() => chain.transfer({ from: coldkey, to, amount: ONE_TAO })));
    expect(await chain.balance(to)).toBe(7n * ONE_TAO);
  } finally {
    await other.close();
  }
});
