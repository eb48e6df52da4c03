import { readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { xxhashAsU8a } from '@polkadot/util-crypto';
import { type DevnetNode, startDevnetNode } from '@tuning/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateAt } from '../src/chain-state.ts';
import { readMetagraph } from '../src/metagraph.ts';
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

  it('keeps its neurons where rows are odd, and refuses a column that is', async () => {
    const uidKey = Uint8Array.from([subnet.netuid, 0]);
    const hash = await newest(session);
    const keys = (await session.socket.request('state_getKeysPaged', [
      storageKey('Axons', uidKey),
      10,
      null,
      hash,
    ])) as string[];
    expect(keys).toHaveLength(3);
    await putStorage(
      subnet.node.endpoint,
      keys.map((key) => [key, '0x0102']),
    );
    subnet.node.newBlocks(3);
    const fast = await readMetagraphRaw(session, subnet.netuid, await newest(session));
    expect(fast!.neurons).toHaveLength(6);
    expect(fast!.neurons.filter(({ axon }) => axon)).toEqual([]);
    // A list that says to be far longer than its bytes.
    await putStorage(subnet.node.endpoint, [[storageKey('LastUpdate', uidKey), '0xfeffffff00']]);
    subnet.node.newBlocks(3);
    await expect(readMetagraphRaw(session, subnet.netuid, await newest(session))).rejects.toMatchObject({
      code: 'CHAIN_UNEXPECTED_VALUE',
    });
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

  it('agrees with the general way on the subnets of its genesis, if it knows the layouts', async () => {
    const session = await openSession(node.endpoint, 30_000);
    try {
      const hash = await newest(session);
      const fast = await readMetagraphRaw(session, 1, hash);
      const general = await readMetagraph(await stateAt(session, hash), 1, { number: fast!.block.number, hash });
      expect(fast).toEqual(general);
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
});
