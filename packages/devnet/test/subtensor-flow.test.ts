import type { KeyringPair } from '@polkadot/keyring/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DevnetNode, startDevnetNode } from '../src/start-node.ts';
import { connect, type TestClient } from './client.ts';

/** The end-to-end script of a real runtime, replayed with an unmodified client: same order, same errors, same bytes. */
describe('emulated Subtensor, replaying what a real runtime was seen to do', () => {
  let node: DevnetNode;
  let client: TestClient;
  let alice: KeyringPair;
  const cold: KeyringPair[] = [];
  const hot: KeyringPair[] = [];
  const netuid = 2;

  beforeAll(async () => {
    node = await startDevnetNode({ blockMs: 'instant' });
    client = await connect(node.endpoint);
    alice = client.pair('//Alice');
    for (const name of ['Bob', 'Charlie', 'Dave']) {
      cold.push(client.pair(`//${name}`));
      hot.push(client.pair(`//${name}_hk`));
    }
  });

  afterAll(async () => {
    await client?.close();
    await node?.close();
  });

  const tx = (section: string, method: string, ...args: unknown[]) => client.api.tx[section]![method]!(...args);
  const query = async (section: string, item: string, ...args: unknown[]) => client.api.query[section]![item]!(...args);
  const admin = (method: string, ...args: unknown[]) => client.sudo(tx('adminUtils', method, ...args));
  const axon = (change: object = {}) => {
    const args = { netuid, version: 10, ip: 3405803783, port: 8091, type: 4, protocol: 4, p1: 0, p2: 0, ...change };
    return Object.values(args);
  };

  it('keeps genesis: dev accounts, sudo key, subnets 0 and 1', async () => {
    const account = (await query('system', 'account', alice.address)).toJSON() as { data: { free: number } };
    expect(account.data.free).toBe(1e15);
    expect((await query('sudo', 'key')).toString()).toBe(alice.address);
    expect((await query('subtensorModule', 'networksAdded', 1)).toJSON()).toBe(true);
    expect((await query('subtensorModule', 'networksAdded', 2)).toJSON()).toBe(false);
    expect(client.api.runtimeVersion.specName.toString()).toBe('node-subtensor');
    expect(client.api.runtimeVersion.specVersion.toNumber()).toBe(424);
    expect((await query('subtensorModule', 'commitRevealWeightsEnabled', 2)).toJSON()).toBe(true);
  });

  it('limits the rate of new subnets in the pool, but for the first and until sudo lifts it', async () => {
    const register = (hotkey = '//Alice_hk') =>
      client.send(tx('subtensorModule', 'registerNetwork', client.pair(hotkey).address), alice);
    const created = await register();
    expect(created.error).toBeUndefined();
    expect(created.events).toContain('subtensorModule.NetworkAdded');
    expect((await query('subtensorModule', 'subnetOwner', netuid)).toString()).toBe(alice.address);
    expect((await query('subtensorModule', 'minAllowedWeights', netuid)).toJSON()).toBe(1);
    expect((await register('//Other_hk')).refused).toContain('1010: Invalid Transaction: Custom error: 6');
    expect((await admin('sudoSetNetworkRateLimit', 0)).error).toBeUndefined();
    expect((await register('//Other_hk')).error).toBeUndefined();
  });

  it('registers neurons in order, raises the price, and names what is wrong', async () => {
    const before = BigInt((await query('subtensorModule', 'burn', netuid)).toString());
    for (const [i, pair] of cold.entries()) {
      const sent = await client.send(tx('subtensorModule', 'burnedRegister', netuid, hot[i]!.address), pair);
      expect(sent.error).toBeUndefined();
      expect(sent.events).toContain('subtensorModule.NeuronRegistered');
      expect((await query('subtensorModule', 'uids', netuid, hot[i]!.address)).toJSON()).toBe(i + 1);
      expect((await query('subtensorModule', 'keys', netuid, i + 1)).toString()).toBe(hot[i]!.address);
    }
    const after = BigInt((await query('subtensorModule', 'burn', netuid)).toString());
    expect(Number(after) / Number(before)).toBeCloseTo(1.26 ** 3, 1);
    const again = (method: string, ...args: unknown[]) => client.send(tx('subtensorModule', method, ...args), cold[0]!);
    const free = client.pair('//Free_hk').address;
    expect((await again('burnedRegister', netuid, hot[0]!.address)).error).toBe('HotKeyAlreadyRegisteredInSubNet');
    expect((await again('burnedRegister', 77, free)).error).toBe('SubnetNotExists');
    expect((await again('burnedRegister', 0, free)).error).toBe('RegistrationNotPermittedOnRootSubnet');
    expect((await again('registerLimit', netuid, free, 1)).error).toBe('RegistrationPriceLimitExceeded');
    expect((await again('burnedRegister', 1, hot[1]!.address)).error).toBe('NonAssociatedColdKey');
  });

  it('serves an axon with the bytes of the real chain, from a hotkey without any balance', async () => {
    const sent = await client.send(tx('subtensorModule', 'serveAxon', ...axon()), hot[0]!);
    expect(sent.error).toBeUndefined();
    expect(sent.events).not.toContain('transactionPayment.TransactionFeePaid');
    const row = (await query('subtensorModule', 'axons', netuid, hot[0]!.address)) as unknown as {
      unwrap(): { toHex(): string; block: { toNumber(): number } };
    };
    const block = row.unwrap().block.toNumber();
    // Seen on a real runtime: version 10, 203.0.113.7, port 8091, type 4, protocol 4; only the block differs.
    const tail = '0a000000077100cb0000000000000000000000009b1f04040000';
    expect(row.unwrap().toHex().slice(2)).toBe(block.toString(16).padStart(2, '0').padEnd(16, '0') + tail);
  });

  it.each([
    ['a repeat within the rate limit', {}, 0, '12'],
    ['localhost', { ip: 0x7f000001 }, 1, '11'],
    ['port 0', { port: 0 }, 1, '13'],
    ['an unknown ip type', { type: 5 }, 1, '255'],
  ])('refuses to serve in the pool: %s', async (_name, change, who, code) => {
    const sent = await client.send(tx('subtensorModule', 'serveAxon', ...axon(change)), hot[who]!);
    expect(sent.refused).toContain(`1010: Invalid Transaction: Custom error: ${code}`);
  });

  it('refuses to serve for an unregistered hotkey', async () => {
    const sent = await client.send(tx('subtensorModule', 'serveAxon', ...axon()), client.pair('//Nobody_hk'));
    expect(sent.refused).toContain('Custom error: 10');
  });

  it('keeps a transport key, and silently ignores one that is too long', async () => {
    const key = `0xed${'11'.repeat(32)}`;
    await client.send(tx('subtensorModule', 'serveAxonTls', ...axon({ ip: 0 }), key), hot[1]!);
    const certificate = async () =>
      (await query('subtensorModule', 'neuronCertificates', netuid, hot[1]!.address)).toJSON();
    expect(await certificate()).toEqual({ algorithm: 0xed, publicKey: `0x${'11'.repeat(32)}` });
    await client.blocks(50);
    const sent = await client.send(tx('subtensorModule', 'serveAxonTls', ...axon(), `0xed${'22'.repeat(65)}`), hot[1]!);
    expect(sent.error).toBeUndefined();
    expect(await certificate()).toEqual({ algorithm: 0xed, publicKey: `0x${'11'.repeat(32)}` });
  });

  it('stores commitments with the bytes of the real chain, one slot per hotkey', async () => {
    const commit = (who: KeyringPair, ...fields: unknown[]) =>
      client.send(tx('commitments', 'setCommitment', netuid, { fields }), who);
    expect((await commit(client.pair('//Nobody_hk'), { Raw3: '0x010203' })).error).toBe('AccountNotAllowedCommit');
    const first = await commit(hot[0]!, { Raw3: '0x010203' });
    expect(first.events).toContain('commitments.Commitment');
    const stored = async (at?: string) => {
      const key = client.api.query['commitments']!['commitmentOf']!.key(netuid, hot[0]!.address);
      return (await client.rpc('state_getStorage', key, ...(at ? [at] : []))) as string;
    };
    const block = Number((await client.api.rpc.chain.getHeader(first.block!)).number.toString());
    const blockHex = Buffer.from(Uint32Array.of(block).buffer).toString('hex');
    expect(await stored()).toBe(`0x0000000000000000${blockHex}0404010203`);
    await commit(hot[0]!, { Raw31: `0x${'aa'.repeat(31)}` }, { BigRaw: `0x${'bb'.repeat(200)}` });
    expect(await stored()).not.toBe(await stored(first.block));
    expect(await stored(first.block)).toBe(`0x0000000000000000${blockHex}0404010203`);
    expect((await client.api.rpc.chain.getBlockHash(block)).toHex()).toBe(first.block);
  });

  it('limits commitments to the space of an epoch', async () => {
    let last: string | undefined;
    for (let i = 0; i < 32 && last === undefined; i++) {
      last = (await client.send(tx('commitments', 'setCommitment', netuid, { fields: [{ Raw1: '0x01' }] }), hot[2]!))
        .error;
    }
    expect(last).toBe('SpaceLimitExceeded');
  });

  it('checks weights in the order of the chain', async () => {
    const set = (who: KeyringPair, dests: number[], weights: number[], key = 0) =>
      client.send(tx('subtensorModule', 'setWeights', netuid, dests, weights, key), who);
    expect((await set(hot[0]!, [1], [1])).error).toBe('CommitRevealEnabled');
    // Within the admin freeze window even sudo is refused: the window goes first.
    expect((await admin('sudoSetTempo', netuid, 5)).error).toBeUndefined();
    expect((await admin('sudoSetCommitRevealWeightsEnabled', netuid, false)).error).toBe(
      'AdminActionProhibitedDuringWeightsWindow',
    );
    await admin('sudoSetAdminFreezeWindow', 0);
    expect((await admin('sudoSetCommitRevealWeightsEnabled', netuid, false)).error).toBeUndefined();
    expect((await admin('sudoSetTempo', netuid, 0)).error).toBeUndefined();

    await admin('sudoSetWeightsSetRateLimit', netuid, 100_000);
    expect((await set(hot[0]!, [1, 2], [1])).refused).toContain('Custom error: 6');
    await admin('sudoSetWeightsSetRateLimit', netuid, 0);
    expect((await set(hot[0]!, [1, 2], [1])).error).toBe('WeightVecNotEqualSize');
    expect((await set(hot[0]!, [1, 2, 3, 4, 5], [1, 1, 1, 1, 1])).error).toBe('UidsLengthExceedUidsInSubNet');
    expect((await set(client.pair('//Nobody_hk'), [1], [1])).error).toBe('HotKeyNotRegisteredInSubNet');
    await admin('sudoSetStakeThreshold', 5);
    expect((await set(hot[0]!, [1], [1])).refused).toContain('Custom error: 1');
    await admin('sudoSetStakeThreshold', 0);
    await admin('sudoSetWeightsVersionKey', netuid, 7);
    expect((await set(hot[0]!, [1], [1], 6)).error).toBe('IncorrectWeightVersionKey');
    await admin('sudoSetWeightsVersionKey', netuid, 0);
    // Without a permit that comes before duplicates and bad uids; a self-weight needs none.
    expect((await set(hot[0]!, [2, 2], [1, 1])).error).toBe('NeuronNoValidatorPermit');
    expect((await set(hot[0]!, [1], [3])).error).toBeUndefined();
    const owner = client.pair('//Alice_hk');
    expect((await set(owner, [2, 2], [1, 1])).error).toBe('DuplicateUids');
    expect((await set(owner, [9], [1])).error).toBe('UidVecContainInvalidOne');
    await admin('sudoSetMinAllowedWeights', netuid, 3);
    expect((await set(owner, [1, 2], [1, 1])).error).toBe('WeightVecLengthIsLow');
    await admin('sudoSetMinAllowedWeights', netuid, 1);
    const done = await set(owner, [1, 2], [200, 100]);
    expect(done.events).toContain('subtensorModule.WeightsSet');
    expect((await query('subtensorModule', 'weights', netuid, 0)).toJSON()).toEqual([
      [1, 65535],
      [2, 32768],
    ]);
    const header = await client.api.rpc.chain.getHeader(done.block!);
    const updates = (await query('subtensorModule', 'lastUpdate', netuid)).toJSON() as number[];
    expect(updates[0]).toBe(header.number.toNumber());
  });

  it('runs epochs: the owner is permitted, incentive follows the weights, stake brings a permit one epoch later', async () => {
    const startCall = () => client.send(tx('subtensorModule', 'startCall', netuid), alice);
    expect((await client.send(tx('subtensorModule', 'startCall', netuid), cold[0]!)).error).toBe('BadOrigin');
    expect((await startCall()).error).toBeUndefined();
    expect((await startCall()).error).toBe('FirstEmissionBlockNumberAlreadySet');
    const staked = await client.send(tx('subtensorModule', 'addStake', hot[2]!.address, netuid, 10n ** 9n), cold[2]!);
    expect(staked.error).toBeUndefined();
    await admin('sudoSetTempo', netuid, 50);
    await client.blocks(51);
    const permits = async () => (await query('subtensorModule', 'validatorPermit', netuid)).toJSON();
    expect(await permits()).toEqual([true, false, false, true]);
    await client.send(tx('subtensorModule', 'setWeights', netuid, [1, 2], [3, 1], 0), client.pair('//Alice_hk'));
    // Dave's hotkey, alone with stake, took the whole first epoch; the owner needs more to be the majority.
    await client.send(tx('subtensorModule', 'addStake', client.pair('//Alice_hk').address, netuid, 10n ** 11n), alice);
    await client.blocks(51);
    const incentive = (await query('subtensorModule', 'incentive', netuid)).toJSON() as number[];
    expect(incentive[1]! / incentive[2]!).toBeCloseTo(3, 2);
    expect(incentive.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(65_000);
    const dividends = (await query('subtensorModule', 'dividends', netuid)).toJSON() as number[];
    expect(dividends[0]).toBe(65_535);
    const earned = await query('subtensorModule', 'totalHotkeyAlpha', hot[0]!.address, netuid);
    expect(BigInt(earned.toString())).toBeGreaterThan(10n ** 9n);
  });

  it('answers runtime APIs that clients read metagraphs from', async () => {
    const call = client.api.call as unknown as Record<
      string,
      Record<string, (...args: unknown[]) => Promise<{ toJSON(): unknown }>>
    >;
    const lite = (await call['neuronInfoRuntimeApi']!['getNeuronsLite']!(netuid)).toJSON() as Record<string, unknown>[];
    expect(lite.map((neuron) => neuron['hotkey'])).toEqual(
      [client.pair('//Alice_hk'), ...hot].map((pair) => pair.address),
    );
    expect(lite[1]!['axonInfo']).toMatchObject({ port: 8091, ip: 3405803783 });
    const graph = (await call['subnetInfoRuntimeApi']!['getMetagraph']!(netuid)).toJSON() as Record<string, unknown>;
    expect(graph).toMatchObject({ netuid, numUids: 4, tempo: 50, ownerColdkey: alice.address });
    const params = (await call['subnetInfoRuntimeApi']!['getSubnetHyperparams']!(netuid)).toJSON();
    expect(params).toMatchObject({ tempo: 50, weightsRateLimit: 0, commitRevealWeightsEnabled: false });
    const some = (
      await call['subnetInfoRuntimeApi']!['getSelectiveMetagraph']!(netuid, [0, 52, 73])
    ).toJSON() as Record<string, unknown>;
    expect(some['hotkeys']).toEqual(lite.map((neuron) => neuron['hotkey']));
    expect(some['axons']).toBeNull();
    expect((some['commitments'] as unknown[]).length).toBe(2);
    const missing = await call['subnetInfoRuntimeApi']!['getMetagraph']!(99);
    expect(missing.toJSON()).toBeNull();
  });

  it('replaces the neuron with the least emission when the subnet is full', async () => {
    await admin('sudoSetMinAllowedUids', netuid, 1);
    await admin('sudoSetMinNonImmuneUids', netuid, 0);
    await admin('sudoSetImmunityPeriod', netuid, 1);
    expect((await admin('sudoSetMaxAllowedUids', netuid, 4)).error).toBeUndefined();
    const emission = (await query('subtensorModule', 'emission', netuid)).toJSON() as number[];
    const least = emission.indexOf(Math.min(...emission.slice(1)), 1);
    const leaver = (await query('subtensorModule', 'keys', netuid, least)).toString();
    const newcomer = client.pair('//New_hk').address;
    expect(
      (await client.send(tx('subtensorModule', 'burnedRegister', netuid, newcomer), cold[0]!)).error,
    ).toBeUndefined();
    expect((await query('subtensorModule', 'keys', netuid, least)).toString()).toBe(newcomer);
    expect((await query('subtensorModule', 'uids', netuid, leaver)).toJSON()).toBeNull();
    expect((await query('subtensorModule', 'axons', netuid, leaver)).toJSON()).toBeNull();
    expect((await query('subtensorModule', 'subnetworkN', netuid)).toJSON()).toBe(4);
  });
});
