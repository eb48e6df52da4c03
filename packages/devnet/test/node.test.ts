import type { KeyringPair } from '@polkadot/keyring/types';
import { blake2AsHex } from '@polkadot/util-crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DevnetNode, startDevnetNode } from '../src/start-node.ts';
import { setUpSubnet } from '../src/subnet-setup.ts';
import { connect, type TestClient } from './client.ts';

describe('devnet node', () => {
  let node: DevnetNode;
  let client: TestClient;
  let alice: KeyringPair;

  beforeEach(async () => {
    node = await startDevnetNode({ blockMs: 60_000 });
    client = await connect(node.endpoint);
    alice = client.pair('//Alice');
  });

  afterEach(async () => {
    await client.close();
    await node.close();
  });

  const transfer = (amount = 1_000_000n, to = '//Bob') =>
    client.api.tx['balances']!['transferKeepAlive']!(client.pair(to).address, amount);
  const submit = async (hex: string): Promise<string> => {
    try {
      await client.rpc('author_submitExtrinsic', hex);
      return 'accepted';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const signed = async (nonce: number, options: object = {}): Promise<string> =>
    (await transfer().signAsync(alice, { nonce, ...options })).toHex();
  const nextIndex = async (): Promise<number> => Number(await client.rpc('system_accountNextIndex', alice.address));

  it('holds a future nonce back until the gap is filled, and refuses a used one', async () => {
    const [zero, one, two] = [await signed(0), await signed(1), await signed(2)];
    expect(await submit(two)).toBe('accepted');
    node.newBlocks();
    expect(await nextIndex()).toBe(0);
    expect(await submit(zero)).toBe('accepted');
    expect(await nextIndex()).toBe(1);
    expect(await submit(one)).toBe('accepted');
    expect(await nextIndex()).toBe(3);
    node.newBlocks();
    const account = (await client.api.query['system']!['account']!(alice.address)).toJSON() as { nonce: number };
    expect(account.nonce).toBe(3);
    expect(await submit(zero)).toBe('1010: Invalid Transaction: Transaction is outdated');
    expect(await submit(await signed(3))).toBe('accepted');
    // Tips buy no priority on Subtensor.
    expect(await submit(await signed(3, { tip: 5 }))).toMatch(/^1014: Priority is too low/);
  });

  it('refuses forged signatures, foreign chains, empty payers and nonsense', async () => {
    const good = await signed(0);
    // Byte 1 of the signature: length prefix (2), version, address (33), signature kind come before it.
    const at = 2 + 2 * (2 + 1 + 33 + 1) + 2;
    const forged = good.slice(0, at) + (good.slice(at, at + 2) === '00' ? '01' : '00') + good.slice(at + 2);
    expect(await submit(forged)).toBe('1010: Invalid Transaction: Transaction has a bad signature');
    const foreign = await signed(0, { genesisHash: `0x${'11'.repeat(32)}` });
    expect(await submit(foreign)).toBe('1010: Invalid Transaction: Transaction has a bad signature');
    const poor = (await transfer().signAsync(client.pair('//Nobody'), { nonce: 0 })).toHex();
    expect(await submit(poor)).toMatch(/^1010: Invalid Transaction: Inability to pay some fees/);
    expect(await submit('0x0c0102')).toMatch(/^1001: Extrinsic has invalid format/);
    expect(await submit(good)).toBe('accepted');
    expect(await submit(good)).toMatch(/^1013: Transaction Already Imported/);
  });

  it('drops a mortal transaction whose era has passed', async () => {
    node.newBlocks(3);
    const mortal = await signed(0, { era: 8 });
    const late = await signed(1, { era: 8 });
    expect(await submit(mortal)).toBe('accepted');
    expect(await submit(late)).toBe('accepted');
    node.newBlocks(1);
    const stale = await signed(2, { era: 8 });
    node.newBlocks(20);
    expect(await submit(stale)).toMatch(
      /^1010: Invalid Transaction: Transaction has a(n ancient birth block| bad signature)/,
    );
    expect(await nextIndex()).toBe(2);
  });

  it('names blocks by the BLAKE2-256 of their SCALE headers and reads state at old ones', async () => {
    await submit(await signed(0));
    node.newBlocks(1);
    const hash = (await client.api.rpc.chain.getBlockHash(1)).toHex();
    const header = await client.api.rpc.chain.getHeader(hash);
    expect(blake2AsHex(header.toU8a())).toBe(hash);
    expect(header.hash.toHex()).toBe(hash);
    const block = await client.api.rpc.chain.getBlock(hash);
    expect(block.block.extrinsics.map((one) => `${one.method.section}.${one.method.method}`)).toEqual([
      'timestamp.set',
      'balances.transferKeepAlive',
    ]);
    const nonceAt = async (number: number): Promise<unknown> => {
      const at = await client.api.at(await client.api.rpc.chain.getBlockHash(number));
      return ((await at.query['system']!['account']!(alice.address)).toJSON() as { nonce: number }).nonce;
    };
    expect([await nonceAt(0), await nonceAt(1)]).toEqual([0, 1]);
    await expect(client.rpc('state_getStorage', '0x00', `0x${'99'.repeat(32)}`)).rejects.toThrow('4003');
  });

  it('notifies of heads, finality one block behind, and storage that changed', async () => {
    const heads: number[] = [];
    const final: number[] = [];
    const free: string[] = [];
    await client.api.rpc.chain.subscribeNewHeads((header) => void heads.push(header.number.toNumber()));
    await client.api.rpc.chain.subscribeFinalizedHeads((header) => void final.push(header.number.toNumber()));
    await client.api.query['system']!['account']!(
      client.pair('//Bob').address,
      (account: { data: { free: object } }) => {
        free.push(account.data.free.toString());
      },
    );
    await submit(await signed(0));
    node.newBlocks(1);
    node.newBlocks(1);
    await expect.poll(() => heads).toEqual([0, 1, 2]);
    await expect.poll(() => final).toEqual([0, 1]);
    await expect.poll(() => free).toEqual(['1000000000000000', '1000000001000000']);
  });

  it('prices paying calls and not those of hotkeys', async () => {
    const { partialFee } = await transfer().paymentInfo(alice);
    expect(partialFee.toNumber()).toBeGreaterThan(100_000);
    const before = BigInt(
      (
        (await client.api.query['system']!['account']!(alice.address)) as never as { data: { free: object } }
      ).data.free.toString(),
    );
    await submit(await signed(0));
    node.newBlocks(1);
    const after = BigInt(
      (
        (await client.api.query['system']!['account']!(alice.address)) as never as { data: { free: object } }
      ).data.free.toString(),
    );
    expect(before - after).toBe(1_000_000n + BigInt(partialFee.toString()));
    const weights = client.api.tx['subtensorModule']!['setWeights']!(1, [], [], 0);
    expect((await weights.paymentInfo(alice)).partialFee.toNumber()).toBe(0);
  });

  it('lists its subscriptions, pages keys in order and knows unknown methods', async () => {
    const { methods } = (await client.rpc('rpc_methods')) as { methods: string[] };
    for (const name of ['author_submitAndWatchExtrinsic', 'author_unwatchExtrinsic', 'state_subscribeStorage']) {
      expect(methods).toContain(name);
    }
    const prefix = client.api.query['system']!['account']!.keyPrefix();
    const all = (await client.rpc('state_getKeysPaged', prefix, 100)) as string[];
    const first = (await client.rpc('state_getKeysPaged', prefix, 4)) as string[];
    const rest = (await client.rpc('state_getKeysPaged', prefix, 100, first[3])) as string[];
    expect([...first, ...rest]).toEqual(all);
    expect(all).toEqual([...all].sort());
    expect(all.length).toBe(9);
    await expect(client.rpc('no_such_method')).rejects.toThrow('-32601');
  });

  it('writes raw storage for tests', async () => {
    const key = client.api.query['subtensorModule']!['tempo']!.key(1);
    await client.rpc('dev_setStorage', [[key, '0x0700']]);
    expect((await client.api.query['subtensorModule']!['tempo']!(1)).toJSON()).toBe(7);
  });
});

describe('setUpSubnet', () => {
  it('leaves a subnet ready for play and says which step a chain refuses', async () => {
    const node = await startDevnetNode({ blockMs: 'instant' });
    const client = await connect(node.endpoint);
    try {
      const friend = client.pair('//Friend').address;
      const made = await setUpSubnet({
        endpoint: node.endpoint,
        tempo: 12,
        fund: [friend],
        fundAmount: 5_000_000_000n,
      });
      expect(made).toEqual({
        netuid: 2,
        ownerColdkey: client.pair('//Alice').address,
        ownerHotkey: client.pair('//Alice_hk').address,
      });
      const read = async (item: string) => (await client.api.query['subtensorModule']![item]!(2)).toJSON();
      expect(await read('tempo')).toBe(12);
      expect(await read('commitRevealWeightsEnabled')).toBe(false);
      expect(await read('weightsSetRateLimit')).toBe(0);
      expect(await read('subtokenEnabled')).toBe(true);
      const account = (await client.api.query['system']!['account']!(friend)).toJSON() as { data: { free: number } };
      expect(account.data.free).toBe(5_000_000_000);
      const poor = setUpSubnet({ endpoint: node.endpoint, ownerColdkey: '//Nobody' });
      await expect(poor).rejects.toMatchObject({ code: 'SUBNET_SETUP_FAILED', details: { step: 'registerNetwork' } });
    } finally {
      await client.close();
      await node.close();
    }
  });
});
