import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyringPair } from '@polkadot/keyring/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { timelockEncrypt } from '@tuning/chain';
import { silentLogger } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeHeader } from '../../src/node/header.ts';
import { ChainNode } from '../../src/node/node.ts';
import { drandPulseEntries } from '../../src/runtime/wasm/drand-pulse.ts';
import { loadRuntimeSource } from '../../src/runtime/wasm/source/runtime-source.ts';
import { WasmRuntime } from '../../src/runtime/wasm/wasm-runtime.ts';
import { toHex } from '../../src/scale/bytes.ts';
import { type DevnetNode, startDevnetNode } from '../../src/start-node.ts';
import { Trie } from '../../src/trie/trie.ts';
import { connect, type TestClient } from '../client.ts';
import { nextVersion } from './next-version.ts';

const runtime = process.env['SUBTENSOR_RUNTIME'];

/** drand quicknet, round 1000, and "hello" encrypted to it with fixed randomness; a real runtime decrypts it. */
const ROUND = 1000;
const SIGNATURE = '0xb44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';
const HELLO =
  '0xb2a600b8547e34771c92ef3adaead7f92850c801089b2cf605842308ca4f73db039d1fd09240fafe68d520a037c09fdf139775dbe926d0cfd77587ef8c35835010f634184a6bcf57a5fffb5fe6db069b9a9708005565a275b920d3f1b53eef0b2000000000000000e1ecf07c976d38bd58d73ad10e20cbb8aa161825e638e5112348fa24521c94af200000000000000074867ab51c383a5eb9445de70fcc8cdb011c07306597b04cfb7e885757efcb4b31000000000000001500000000000000900478f6905903a5aae15db74b3a6faca48e57864c0c0000000000000003030303030303030303030308000000000000004145535f47434d5f';

describe.skipIf(!runtime)('a real Subtensor runtime (SUBTENSOR_RUNTIME), through an unmodified client', () => {
  let node: DevnetNode;
  let client: TestClient;
  let alice: KeyringPair;
  const cold: KeyringPair[] = [];
  const hot: KeyringPair[] = [];
  const netuid = 2;

  beforeAll(async () => {
    node = await startDevnetNode({ blockMs: 'instant', runtime: runtime! });
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
  /** What follows was recorded at spec 293 (2025-07); other versions differ in limits, names and numbers. */
  const at293 = (name: string, run: () => Promise<void>) =>
    it(name, async (context) => {
      if (client.api.runtimeVersion.specVersion.toNumber() !== 293) context.skip('recorded at spec 293');
      await run();
    });
  const axon = (change: object = {}) => {
    const args = { netuid, version: 10, ip: 3405803783, port: 8091, type: 4, protocol: 4, p1: 0, p2: 0, ...change };
    return Object.values(args);
  };

  it('is recognised by the client: version, metadata 15, runtime APIs, genesis balances', async () => {
    expect(client.api.runtimeVersion.specName.toString()).toBe('node-subtensor');
    expect(client.api.runtimeMetadata.version).toBeGreaterThanOrEqual(14);
    const { hash, number } = await client.api.rpc.chain.getHeader();
    expect([hash.toHex(), number.toNumber()]).toEqual([node.genesisHash, 0]);
    const account = (await query('system', 'account', alice.address)).toJSON() as { data: { free: unknown } };
    expect(BigInt(String(account.data.free))).toBe(10n ** 15n);
    const fee = await tx('balances', 'transferKeepAlive', alice.address, 5).paymentInfo(alice);
    expect(BigInt(fee.partialFee.toString())).toBeGreaterThan(0n);
  });

  at293('refuses a subnet within the network rate limit until sudo lifts it', async () => {
    const register = () =>
      client.send(tx('subtensorModule', 'registerNetwork', client.pair('//Alice_hk').address), alice);
    expect((await register()).error).toBe('NetworkTxRateLimitExceeded');
    expect((await admin('sudoSetNetworkRateLimit', 0)).error).toBeUndefined();
    const created = await register();
    expect(created.error).toBeUndefined();
    expect(created.events).toContain('subtensorModule.NetworkAdded');
    expect((await query('subtensorModule', 'subnetOwner', netuid)).toString()).toBe(alice.address);
    expect((await query('subtensorModule', 'tempo', netuid)).toJSON()).toBe(10);
  });

  at293('registers three neurons, and the pool refuses the fourth of the interval', async () => {
    expect((await client.send(tx('balances', 'transferKeepAlive', cold[2]!.address, 10n ** 12n), alice)).error).toBe(
      undefined,
    );
    for (const [i, pair] of cold.entries()) {
      const sent = await client.send(tx('subtensorModule', 'burnedRegister', netuid, hot[i]!.address), pair);
      expect(sent.error).toBeUndefined();
      expect(sent.events).toContain('subtensorModule.NeuronRegistered');
      expect((await query('subtensorModule', 'uids', netuid, hot[i]!.address)).toJSON()).toBe(i + 1);
    }
    const again = tx('subtensorModule', 'burnedRegister', netuid, client.pair('//Fourth_hk').address);
    expect((await client.send(again, cold[0]!)).refused).toContain('1010: Invalid Transaction: Custom error: 6');
  });

  at293('serves an axon with the known bytes, and refuses in the pool what it must', async () => {
    const sent = await client.send(tx('subtensorModule', 'serveAxon', ...axon()), hot[0]!);
    expect(sent.events).toContain('subtensorModule.AxonServed');
    const row = (await query('subtensorModule', 'axons', netuid, hot[0]!.address)).toHex();
    expect(row).toMatch(/^0x[0-9a-f]{2}0{14}0a000000077100cb0000000000000000000000009b1f04040000$/);
    const refusals: [object, KeyringPair, number][] = [
      [{}, hot[0]!, 12],
      [{ ip: 0x7f000001 }, hot[1]!, 11],
      [{ port: 0 }, hot[1]!, 13],
      [{ type: 5 }, hot[1]!, 255],
      [{}, client.pair('//Nobody_hk'), 10],
    ];
    for (const [change, who, code] of refusals) {
      const { refused } = await client.send(tx('subtensorModule', 'serveAxon', ...axon(change)), who);
      expect(refused).toContain(`1010: Invalid Transaction: Custom error: ${code}`);
    }
  });

  at293('stores commitments, and reveals a timelocked one when its drand pulse is put into storage', async () => {
    const commit = (who: KeyringPair, ...fields: unknown[]) =>
      client.send(tx('commitments', 'setCommitment', netuid, { fields }), who);
    expect((await commit(client.pair('//Nobody_hk'), { Raw3: '0x010203' })).error).toBe('AccountNotAllowedCommit');
    expect((await commit(hot[0]!, { Raw3: '0x010203' })).events).toContain('commitments.Commitment');
    const stored = (await query('commitments', 'commitmentOf', netuid, hot[0]!.address)).toHex();
    expect(stored).toMatch(/^0x0{16}[0-9a-f]{2}0{6}0404010203$/);

    const locked = await commit(hot[1]!, { TimelockEncrypted: { encrypted: HELLO, revealRound: ROUND } });
    expect(locked.events).toContain('commitments.TimelockCommitment');
    const revealed = async () =>
      (await query('commitments', 'revealedCommitments', netuid, hot[1]!.address)).toHex().slice(2);
    await client.blocks(2);
    expect(await revealed()).toBe('');
    await client.rpc('dev_setStorage', drandPulseEntries({ round: ROUND, signature: SIGNATURE }));
    expect((await query('drand', 'lastStoredRound')).toString()).toBe(String(ROUND));
    await client.blocks(1);
    expect(await revealed()).toMatch(/^041468656c6c6f[0-9a-f]{2}0{14}$/);
  });

  at293('checks weights in the order of the chain, plain and by commit-reveal', async () => {
    const set = (who: KeyringPair, dests: number[], weights: number[]) =>
      client.send(tx('subtensorModule', 'setWeights', netuid, dests, weights, 0), who);
    const commit = () => client.send(tx('subtensorModule', 'commitCrv3Weights', netuid, '0x0102', 2000), hot[0]!);
    expect((await set(hot[0]!, [1, 2], [1, 1])).error).toBe('SettingWeightsTooFast');
    await admin('sudoSetWeightsSetRateLimit', netuid, 0);
    expect((await set(hot[0]!, [1, 2], [1, 1])).error).toBe('NeuronNoValidatorPermit');
    expect((await set(hot[0]!, [1], [1])).error).toBeUndefined();
    expect((await set(hot[0]!, [1, 2], [1])).error).toBe('WeightVecNotEqualSize');
    expect((await set(client.pair('//Nobody_hk'), [1], [1])).error).toBe('HotKeyNotRegisteredInSubNet');
    expect((await client.send(tx('subtensorModule', 'startCall', netuid), alice)).events).toContain(
      'subtensorModule.FirstEmissionBlockNumberSet',
    );
    const permits = client.api.query['subtensorModule']!['validatorPermit']!.key(netuid);
    await client.rpc('dev_setStorage', [[permits, '0x1000010000']]);
    expect((await set(hot[0]!, [1, 2], [65535, 32768])).events).toContain('subtensorModule.WeightsSet');
    expect((await query('subtensorModule', 'weights', netuid, 1)).toJSON()).toEqual([
      [1, 65535],
      [2, 32768],
    ]);
    expect((await commit()).error).toBe('CommitRevealDisabled');
    expect((await admin('sudoSetCommitRevealWeightsEnabled', netuid, true)).error).toBeUndefined();
    expect((await set(hot[0]!, [1, 2], [1, 1])).error).toBe('CommitRevealEnabled');
    expect((await commit()).events).toContain('subtensorModule.CRV3WeightsCommitted');
  });

  at293('answers the runtime APIs that clients read metagraphs from', async () => {
    const call = client.api.call as unknown as Record<
      string,
      Record<string, (...args: unknown[]) => Promise<{ toJSON(): unknown }>>
    >;
    const lite = (await call['neuronInfoRuntimeApi']!['getNeuronsLite']!(netuid)).toJSON() as Record<string, unknown>[];
    expect(lite.map((neuron) => neuron['hotkey'])).toEqual(
      [client.pair('//Alice_hk'), ...hot].map((pair) => pair.address),
    );
    expect(lite[1]!['axonInfo']).toMatchObject({ port: 8091, ip: 3405803783 });
    const graph = (await call['subnetInfoRuntimeApi']!['getMetagraph']!(netuid)).toJSON();
    expect(graph).toMatchObject({ netuid, numUids: 4, tempo: 10 });
  });

  it('refuses what is no extrinsic, a bad signature, and an old nonce, and goes on', async () => {
    await expect(client.rpc('author_submitExtrinsic', '0x280402000b')).rejects.toThrow(
      /1001: Extrinsic has invalid format/,
    );
    const transfer = tx('balances', 'transferKeepAlive', cold[0]!.address, 1000);
    expect((await client.send(transfer, alice, { nonce: 0 })).error ?? 'none').toBe('none');
    const stale = await client.send(tx('balances', 'transferKeepAlive', cold[0]!.address, 1001), alice, { nonce: 0 });
    expect(stale.refused).toMatch(/1010: Invalid Transaction: Transaction is outdated/);
    const forged = tx('balances', 'transferKeepAlive', cold[0]!.address, 1002);
    await forged.signAsync(cold[0]!, { nonce: 0 });
    const bytes = Buffer.from(forged.toHex().slice(2), 'hex');
    bytes[60] = bytes[60]! ^ 1;
    await expect(client.rpc('author_submitExtrinsic', `0x${bytes.toString('hex')}`)).rejects.toThrow(
      /1010: Invalid Transaction: Transaction has a bad signature/,
    );
  });
});

describe.skipIf(!runtime)('a chain around the runtime of another', () => {
  const dirs: string[] = [];
  afterAll(() => Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true }))));

  it('reads it from the endpoint, gives a development genesis, and upgrades while a client is connected', async () => {
    const first = await startDevnetNode({ blockMs: 'instant', runtime: runtime! });
    const cacheDir = await mkdtemp(join(tmpdir(), 'runtime-cache-'));
    dirs.push(cacheDir);
    const second = await startDevnetNode({
      blockMs: 'instant',
      runtime: first.endpoint,
      runtimeCacheDir: cacheDir,
    });
    await first.close();
    const client = await connect(second.endpoint);
    try {
      const { api } = client;
      const alice = client.pair('//Alice');
      expect((await api.query['sudo']!['key']!()).toString()).toBe(alice.address);
      const account = (await api.query['system']!['account']!(client.pair('//Dave').address)).toJSON();
      expect(account).toMatchObject({ data: { free: 2e12 } });

      const version = api.runtimeVersion.specVersion.toNumber();
      const code = await client.rpc('state_getStorage', '0x3a636f6465');
      const upgraded = nextVersion(String(code), version);
      const set = api.tx['system']!['setCode']!(`0x${upgraded.toString('hex')}`);
      const sent = await client.send(api.tx['sudo']!['sudoUncheckedWeight']!(set, { refTime: 0, proofSize: 0 }), alice);
      expect(sent.error).toBeUndefined();
      expect(sent.events).toContain('system.CodeUpdated');
      await client.blocks(2);
      await expect.poll(() => api.runtimeVersion.specVersion.toNumber(), { timeout: 10_000 }).toBe(version + 1);
      const called = await api.call['core']!['version']!();
      expect(called.toJSON()).toMatchObject({ specVersion: version + 1 });
      const before = second.blockNumber();
      await client.blocks(2);
      expect(second.blockNumber()).toBe(before + 2);
    } finally {
      await client.close();
      await second.close();
    }
  });
});

describe.skipIf(!runtime)('a real runtime with the drand network of the devnet', () => {
  it('reveals a commitment that a client sealed to the key in BeaconConfig', async () => {
    const node = await startDevnetNode({ blockMs: 'instant', runtime: runtime!, beacon: true });
    const client = await connect(node.endpoint);
    try {
      const { api } = client;
      const alice = client.pair('//Alice');
      const hotkey = client.pair('//Alice_hk');
      await client.sudo(api.tx['adminUtils']!['sudoSetNetworkRateLimit']!(0));
      await client.send(api.tx['subtensorModule']!['registerNetwork']!(hotkey.address), alice);
      const lastRound = async () => Number(await api.query['drand']!['lastStoredRound']!());
      const config = (await api.query['drand']!['beaconConfig']!()).toJSON() as { publicKey: string; period: number };
      expect(config.period).toBe(3);
      const round = (await lastRound()) + 3;
      const encrypted = timelockEncrypt({
        plaintext: Buffer.from('hello'),
        round,
        publicKey: Buffer.from(config.publicKey.slice(2), 'hex'),
      });
      const info = { fields: [{ TimelockEncrypted: { encrypted: toHex(encrypted), revealRound: round } }] };
      const sent = await client.send(api.tx['commitments']!['setCommitment']!(2, info), hotkey);
      expect(sent.events).toContain('commitments.TimelockCommitment');
      const revealed = async () => (await api.query['commitments']!['revealedCommitments']!(2, hotkey.address)).toHex();
      expect(await revealed()).toBe('0x');
      for (let i = 0; i < 40 && (await lastRound()) < round; i++) await client.blocks(1);
      expect(await lastRound()).toBe(round);
      await client.blocks(1);
      expect(await revealed()).toMatch(/^0x041468656c6c6f/);
    } finally {
      await client.close();
      await node.close();
    }
  });
});

describe.skipIf(!runtime)('blocks of a real runtime', () => {
  let chain: ChainNode;
  let clock = 1_700_000_000_000;
  beforeAll(async () => {
    await cryptoWaitReady();
    const source = await loadRuntimeSource(runtime!, { logger: silentLogger });
    chain = new ChainNode(new WasmRuntime(source), {
      blockMs: 'instant',
      finalityLag: 1,
      keepBlocks: 1000,
      logger: silentLogger,
      now: () => {
        clock += 300;
        return clock;
      },
    });
  });
  afterAll(() => chain?.stop());

  it('are accepted by the runtime itself when it executes them whole: digest, extrinsics root, state root', () => {
    for (let i = 0; i < 25; i++) {
      const parent = chain.store.best;
      const { header, extrinsics } = chain.produceBlock();
      const block = (changed: Partial<typeof header>) =>
        new Uint8Array(
          Buffer.concat([
            encodeHeader({ ...header, ...changed }),
            Uint8Array.of(extrinsics.length << 2),
            ...extrinsics,
          ]),
        );
      const execute = (bytes: Uint8Array) => chain.runtime.call(chain.store.view(parent), 'Core_execute_block', bytes);
      expect(execute(block({}))).toHaveLength(0);
      if (i > 0) continue;
      expect(() => execute(block({ stateRoot: header.parentHash }))).toThrow(/Storage root must match/);
      expect(() => execute(block({ extrinsicsRoot: header.parentHash }))).toThrow(/root must be valid|must match/);
    }
  });

  it('have the root of a trie that is built at once from the whole state', () => {
    const { state, best } = chain.store;
    const entries = state
      .keys('0x', best.header.number)
      .map((key) => [key, state.read(key, best.header.number)] as const);
    expect(entries.length).toBeGreaterThan(100);
    expect(toHex(new Trie(1).with(entries).root())).toBe(best.header.stateRoot);
  });

  it('count storage that was written from outside into the next root', () => {
    const view = chain.store.view(chain.store.best);
    view.set('0xdeadbeef', Uint8Array.of(1, 2, 3));
    chain.store.overwrite(view);
    const { header } = chain.produceBlock();
    const { state } = chain.store;
    const entries = state.keys('0x', header.number).map((key) => [key, state.read(key, header.number)] as const);
    expect(entries.some(([key]) => key === '0xdeadbeef')).toBe(true);
    expect(toHex(new Trie(1).with(entries).root())).toBe(header.stateRoot);
  });
});
