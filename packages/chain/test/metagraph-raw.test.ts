import { readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { blake2AsU8a, xxhashAsU8a } from '@polkadot/util-crypto';
import { type DevnetNode, startDevnetNode } from '@tuning/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateAt } from '../src/chain-state.ts';
import { readMetagraph } from '../src/metagraph.ts';
import { columnIndex } from '../src/metagraph-columns.ts';
import { LAYOUTS, readMetagraphRaw } from '../src/metagraph-raw.ts';
import { openSession, type Session } from '../src/session.ts';
import { storageLayout } from '../src/storage-layout.ts';
import { startTestSubnet, type TestSubnet } from './devnet.ts';
import { putStorage } from './drand-storage.ts';

const storageKey = (item: string, ...parts: Uint8Array[]) =>
  `0x${Buffer.concat([xxhashAsU8a('SubtensorModule', 128), xxhashAsU8a(item, 128), ...parts]).toString('hex')}`;
const newest = async (session: Session) => String(await session.socket.request('chain_getFinalizedHead', []));

describe('the metagraph read by hand', () => {
  let subnet: TestSubnet;
  let session: Session;
  const served: Awaited<ReturnType<TestSubnet['addHotkey']>>[] = [];
  beforeAll(async () => {
    // No epoch of its own: what is written into the storage below would be read by it.
    subnet = await startTestSubnet({ tempo: 400 });
    session = await openSession(subnet.node.endpoint, 15_000);
  }, 60_000);
  afterAll(async () => {
    session?.socket.close('done');
    await subnet?.close();
  });

  /** The head, read in both ways. */
  const both = async () => {
    const hash = await newest(session);
    const number = Number(((await session.socket.request('chain_getHeader', [hash])) as { number: string }).number);
    const general = await readMetagraph(await stateAt(session, hash), subnet.netuid, { number, hash });
    return { fast: await readMetagraphRaw(session, subnet.netuid, hash), general };
  };

  it('is what polkadot.js’ codecs read', async () => {
    const { chain, netuid } = subnet;
    const ips = ['203.0.113.7', '0.0.0.0', '2001:db8::1'];
    for (const [at, ip] of ips.entries()) {
      const hotkey = await subnet.addHotkey();
      served.push(hotkey);
      const certificate = Uint8Array.from([0xed, ...new Uint8Array(32).fill(at + 1)]);
      const axon = { ip, port: 4_000 + at, version: 7, protocol: 4, placeholder1: 1, placeholder2: 2 };
      await chain.serve({ netuid, hotkey, certificate: at === 2 ? Uint8Array.of(1, 2, 3) : certificate, ...axon });
    }
    await subnet.addHotkey();
    await chain.setWeights({ netuid, hotkey: subnet.owner, weights: [{ hotkey: subnet.owner.address, weight: 1 }] });
    const { fast, general } = await both();
    expect(fast).toEqual(general);
    expect(fast!.neurons).toHaveLength(5);
    expect(fast!.neurons.map(({ axon }) => axon?.ip)).toEqual([undefined, ...ips, undefined]);
    expect(fast!.neurons[1]!.peerKey).toEqual(new Uint8Array(32).fill(1));
    expect(fast!.neurons[3]!.peerKey).toBeUndefined();
  }, 60_000);

  it('is right after neurons have come and gone, whatever it held before', async () => {
    const before = await both();
    await subnet.addHotkey();
    const { fast, general } = await both();
    expect(fast).toEqual(general);
    expect(fast!.neurons).toHaveLength(before.fast!.neurons.length + 1);
    // Another hotkey at a known uid, as after a replacement.
    const other = Uint8Array.from(Buffer.from('77'.repeat(32), 'hex'));
    const uid = Uint8Array.from([subnet.netuid, 0, 2, 0]);
    await putStorage(subnet.node.endpoint, [[storageKey('Keys', uid), `0x${Buffer.from(other).toString('hex')}`]]);
    subnet.node.newBlocks(3);
    const replaced = await both();
    expect(replaced.fast).toEqual(replaced.general);
    expect(replaced.fast!.neurons[2]!.hotkey).not.toBe(fast!.neurons[2]!.hotkey);
    expect(replaced.fast!.neurons[2]!.axon).toBeUndefined();
  }, 60_000);

  it('reads a certificate anew when its axon was served again', async () => {
    const { chain, netuid } = subnet;
    const [hotkey] = served;
    const { fast: before } = await both();
    const uid = before!.neurons.findIndex((one) => one.hotkey === hotkey!.address);
    expect(before!.neurons[uid]!.peerKey).toEqual(new Uint8Array(32).fill(1));
    const certificate = Uint8Array.from([0xed, ...new Uint8Array(32).fill(9)]);
    await chain.serve({ netuid, hotkey: hotkey!, certificate, ip: '203.0.113.7', port: 4_000, version: 7 });
    const { fast, general } = await both();
    expect(fast).toEqual(general);
    expect(fast!.neurons[uid]!.peerKey).toEqual(new Uint8Array(32).fill(9));
  }, 60_000);

  it('refuses an answer of another shape, and leaves the call that fails to the general way', async () => {
    const at = await newest(session);
    const honest = session.socket.request.bind(session.socket);
    const withAnswer = (change: (bytes: Buffer) => Buffer): Session => {
      const request = async (method: string, params: unknown[]) => {
        const answer = await honest(method, params);
        if (method !== 'state_call') return answer;
        return `0x${change(Buffer.from(String(answer).slice(2), 'hex')).toString('hex')}`;
      };
      return { ...session, socket: { request, endpoint: 'ws://fake' } as unknown as Session['socket'] };
    };
    const bad: ((bytes: Buffer) => Buffer)[] = [
      (bytes) => bytes.subarray(0, -1),
      (bytes) => Buffer.concat([bytes, Buffer.of(0)]),
      // Another subnet; then a first field that was not asked for.
      (bytes) => Buffer.concat([bytes.subarray(0, 1), Buffer.of(200), bytes.subarray(2)]),
      (bytes) => Buffer.concat([bytes.subarray(0, 2), Buffer.of(1), bytes.subarray(3)]),
      // Far more hotkeys than bytes.
      (bytes) => Buffer.concat([bytes.subarray(0, -60), Buffer.from('feffffff', 'hex')]),
      () => Buffer.alloc(0),
    ];
    for (const change of bad) {
      await expect(readMetagraphRaw(withAnswer(change), subnet.netuid, at)).rejects.toMatchObject({
        code: 'CHAIN_UNEXPECTED_VALUE',
      });
    }
    const unchanged = withAnswer((bytes) => bytes);
    const { neurons } = (await readMetagraphRaw(unchanged, subnet.netuid, at))!;
    expect(neurons).toEqual((await both()).general.neurons);

    const uidKey = Uint8Array.from([subnet.netuid, 0]);
    const keys = (await honest('state_getKeysPaged', [storageKey('Axons', uidKey), 10, null, at])) as string[];
    await putStorage(
      subnet.node.endpoint,
      keys.map((key) => [key, '0x0102']),
    );
    subnet.node.newBlocks(3);
    const { fast, general } = await both();
    // The devnet's call cannot decode such axons.
    expect(fast).toBeUndefined();
    expect(general.neurons).toHaveLength(6);
    expect(general.neurons.filter(({ axon }) => axon)).toEqual([]);
  }, 60_000);

  it('leaves a block of another runtime to the general way', async () => {
    const hash = await newest(session);
    expect(await readMetagraphRaw({ ...session, specVersion: 1 }, subnet.netuid, hash)).toBeUndefined();
  });
});

const runtime = process.env['SUBTENSOR_RUNTIME'];
describe.skipIf(!runtime)('on a real runtime (SUBTENSOR_RUNTIME)', () => {
  let node: DevnetNode;
  beforeAll(async () => {
    node = await startDevnetNode({ runtime: runtime!, blockMs: 3_600_000 });
    node.newBlocks(3);
  }, 60_000);
  afterAll(() => node?.close());

  const both = async (session: Session) => {
    const hash = await newest(session);
    const fast = await readMetagraphRaw(session, 1, hash);
    const block = { number: fast!.block.number, hash };
    return { fast, general: await readMetagraph(await stateAt(session, hash), 1, block) };
  };

  it('agrees with the general way on the subnets of its genesis, if it knows the layouts', async () => {
    const session = await openSession(node.endpoint, 30_000);
    try {
      const { fast, general } = await both(session);
      expect(fast).toEqual(general);
    } finally {
      session.socket.close('done');
    }
  }, 60_000);

  it('counts stake over parents and children as the chain does', async () => {
    const session = await openSession(node.endpoint, 30_000);
    try {
      const [own, parent, child] = [0, 0x11, 0x22].map((byte) => new Uint8Array(32).fill(byte));
      const of = (hotkey: Uint8Array) => [blake2AsU8a(hotkey, 128), hotkey, Uint8Array.of(1, 0)];
      const amount = (value: bigint) => `0x${Buffer.from(new BigUint64Array([value]).buffer).toString('hex')}`;
      const share = (value: bigint, hotkey: Uint8Array) =>
        `0x04${amount(value).slice(2)}${Buffer.from(hotkey).toString('hex')}`;
      await putStorage(node.endpoint, [
        [storageKey('TotalHotkeyAlpha', ...of(own!)), amount(1_000_000_007n)],
        [storageKey('TotalHotkeyAlpha', ...of(parent!)), amount(70_000_000_011n)],
        [storageKey('ChildKeys', ...of(own!)), share(2n ** 62n + 12_345n, child!)],
        [storageKey('ParentKeys', ...of(own!)), share(2n ** 63n - 1n, parent!)],
      ]);
      node.newBlocks(3);
      const { fast, general } = await both(session);
      expect(fast).toEqual(general);
      // Three quarters of its own, and half of its parent's.
      expect(Number(fast!.neurons[0]!.stake) / 1e9).toBeCloseTo(0.75 + 35, 6);
    } finally {
      session.socket.close('done');
    }
  }, 60_000);
});

const metadata = process.env['SUBTENSOR_METADATA'];
it.skipIf(!metadata)('knows the layouts of mainnet (SUBTENSOR_METADATA)', () => {
  const registry = new TypeRegistry();
  const latest = new Metadata(registry, `0x${readFileSync(metadata!).toString('hex')}`);
  registry.setMetadata(latest);
  const { storage } = latest.asLatest.pallets.find(({ name }) => name.toString() === 'SubtensorModule')!;
  const items = new Map(storage.unwrap().items.map((item) => [item.name.toString().toLowerCase(), item]));
  for (const [name, layout] of Object.entries(LAYOUTS)) {
    expect(storageLayout(registry.lookup, items.get(name.toLowerCase())!.type as never), name).toBe(layout);
  }
  expect(columnIndex(latest, registry.lookup)).toMatchObject({ at: { owner_hotkey: 5, hotkeys: 52, axons: 55 } });
});
