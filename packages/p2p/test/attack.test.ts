import '../src/promise-shim.ts';
import { connect } from 'node:net';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Ed25519PrivateKey, Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { tcp } from '@libp2p/tcp';
import { lpStream } from '@libp2p/utils';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signHello } from '../src/binding.ts';
import { decodeAnswer, toJson } from '../src/frames.ts';
import { failure, GENESIS, NETUID, Network, type Neuron, OFFER, signerOf, TASK_ID } from './network.ts';

const scope = { genesisHash: GENESIS, netuid: NETUID };
let network: Network;
let asked: string[];
let miner: Neuron;

beforeEach(async () => {
  network = new Network();
  asked = [];
  miner = await network.start({
    handlers: {
      onOffer: async (from) => {
        asked.push(from.hotkey);
        return { accept: true };
      },
      onStatus: async (from) => {
        asked.push(from.hotkey);
        return { state: 'unknown' };
      },
    },
  });
});
afterEach(() => network.close());

/** A peer that speaks libp2p but follows none of our rules. */
async function rawNode(privateKey?: Ed25519PrivateKey, listen: string[] = []): Promise<Libp2p> {
  const node = await createLibp2p({
    ...(privateKey ? { privateKey } : {}),
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
  network.defer(async () => node.stop());
  return node;
}

const addressOf = (neuron: Neuron) => multiaddr(`/ip4/127.0.0.1/tcp/${neuron.peer.port}/p2p/${neuron.peer.peerId}`);

/** A raw peer whose key is in the directory under `hotkey`, connected to the miner. */
async function insider(hotkey: string, permit = true): Promise<{ node: Libp2p; connection: Connection }> {
  const key = await generateKeyPair('Ed25519');
  network.directory.set({ hotkey, host: undefined, port: 0, publicKey: key.publicKey.raw, permit });
  const node = await rawNode(key);
  return { node, connection: await node.dial(addressOf(miner)) };
}

/** Sends raw bytes as one message and reads the answer. */
async function ask(connection: Connection, method: string, bytes: Uint8Array) {
  const signal = AbortSignal.timeout(5_000);
  const stream = await connection.newStream(`/tuning/${method}/1.0.0`, { signal });
  const frames = lpStream(stream);
  await frames.write(bytes, { signal });
  const answer = decodeAnswer((await frames.read({ signal })).subarray());
  await stream.close({ signal });
  return answer as { status: number; value: { code?: string; message?: string } };
}

const offerBytes = toJson({ offer: OFFER });

describe('a stranger', () => {
  it('is refused after noise and before any protocol', async () => {
    const node = await rawNode();
    const protocols = ['/tuning/hello/1.0.0', '/tuning/task/1.0.0', '/ipfs/id/1.0.0'];
    for (const protocol of protocols) {
      const open = async () => {
        const connection = await node.dial(addressOf(miner));
        const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(2_000) });
        const frames = lpStream(stream);
        await frames.write(offerBytes);
        return await frames.read({ signal: AbortSignal.timeout(2_000) });
      };
      expect(
        await open().then(
          () => 'answered',
          () => 'refused',
        ),
        protocol,
      ).toBe('refused');
    }
    expect(asked).toEqual([]);
  });

  it('with our own software gets a clear error and reaches no handler', async () => {
    const stranger = await network.start({ stranger: true });
    expect(await failure(stranger.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_UNREACHABLE' });
    expect(asked).toEqual([]);
  });

  it('that sends garbage or nothing does not keep honest peers out', async () => {
    const sockets = Array.from({ length: 20 }, () => connect(miner.peer.port, '127.0.0.1'));
    for (const [i, socket] of sockets.entries()) {
      socket.on('error', () => {});
      if (i % 2 === 0) socket.write(Buffer.alloc(4_096, i));
    }
    const validator = await network.start({ permit: true });
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
    for (const socket of sockets) socket.destroy();
  });
});

describe('a registered peer that lies about its hotkey', () => {
  it('cannot ask before a hello', async () => {
    const { connection } = await insider((await signerOf(50)).address);
    const answer = await ask(connection, 'task', offerBytes);
    expect(answer).toMatchObject({ status: 1, value: { code: 'HELLO_NEEDED' } });
    expect(asked).toEqual([]);
  });

  it('cannot forge a hello', async () => {
    const victim = await signerOf(51);
    const { node, connection } = await insider(victim.address);
    const forger = await signerOf(52);
    const hello = { ...signHello(forger, scope, node.peerId, Date.now()), hotkey: victim.address };
    const answer = await ask(connection, 'hello', toJson(hello));
    expect(answer).toMatchObject({ status: 1, value: { code: 'HELLO_BAD_SIGNATURE' } });
    expect(await ask(connection, 'task', offerBytes)).toMatchObject({ value: { code: 'HELLO_NEEDED' } });
    expect(asked).toEqual([]);
  });

  it('cannot use a certificate that it stole, nor one for another subnet or chain', async () => {
    const victim = await network.start({ permit: true });
    const mine = await signerOf(53);
    const { node, connection } = await insider(mine.address);
    const { peerId } = await rawNode(victim.identity.privateKey);
    const stolen = signHello(victim.signer, scope, peerId, Date.now());
    expect(await ask(connection, 'hello', toJson(stolen))).toMatchObject({ value: { code: 'HELLO_BAD_SIGNATURE' } });
    for (const other of [
      { ...scope, netuid: 8 },
      { ...scope, genesisHash: `0x${'99'.repeat(32)}` },
    ]) {
      const hello = signHello(mine, other, node.peerId, Date.now());
      expect(await ask(connection, 'hello', toJson(hello))).toMatchObject({ value: { code: 'HELLO_BAD_SIGNATURE' } });
    }
    expect(await ask(connection, 'hello', toJson(signHello(mine, scope, node.peerId, Date.now())))).toMatchObject({
      status: 0,
      value: { hotkey: miner.hotkey },
    });
    expect(await ask(connection, 'task', offerBytes)).toEqual({ status: 0, value: { accept: true } });
    expect(asked).toEqual([mine.address]);
  });

  it('loses a hello that it had when a later one is bad', async () => {
    const mine = await signerOf(54);
    const { node, connection } = await insider(mine.address);
    const hello = signHello(mine, scope, node.peerId, Date.now());
    await ask(connection, 'hello', toJson(hello));
    await ask(connection, 'hello', toJson({ ...hello, notAfter: hello.notAfter - 1 }));
    expect(await ask(connection, 'task', offerBytes)).toMatchObject({ value: { code: 'HELLO_NEEDED' } });
  });

  it('is limited in hellos', async () => {
    const { connection } = await insider((await signerOf(55)).address);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i += 1) statuses.push((await ask(connection, 'hello', toJson({}))).status);
    expect(statuses).toEqual([1, 1, 1, 1, 1, 139]);
  });

  it('may hold only a few connections', async () => {
    const { node, connection } = await insider((await signerOf(56)).address);
    const address = addressOf(miner);
    for (let i = 0; i < 6; i += 1) await node.dial(address, { force: true }).catch(() => {});
    const alive = async (candidate: Connection) => (await ask(candidate, 'hello', toJson({}))).status === 1;
    expect(await alive(connection)).toBe(true);
    await expect.poll(() => node.getConnections().length).toBeLessThanOrEqual(4);
  });
});

describe('bad messages', () => {
  async function greeted(byte: number) {
    const mine = await signerOf(byte);
    const { node, connection } = await insider(mine.address);
    await ask(connection, 'hello', toJson(signHello(mine, scope, node.peerId, Date.now())));
    return connection;
  }

  it('are refused with a code: no JSON, no UTF-8, wrong shape, unknown member', async () => {
    const connection = await greeted(60);
    const cases: [string, Uint8Array, string][] = [
      ['task', Buffer.from('{"offer":'), 'BAD_JSON'],
      ['task', Buffer.from([0xff, 0xfe, 0x7b]), 'BAD_JSON'],
      ['task', toJson({ offer: { ...OFFER, deadlineBlock: -1 } }), 'BAD_MESSAGE'],
      ['task', toJson({ offer: { ...OFFER, command: 'rm' } }), 'BAD_MESSAGE'],
      ['status', toJson({ taskId: 'not-an-id' }), 'BAD_MESSAGE'],
      ['status', toJson([]), 'BAD_MESSAGE'],
    ];
    for (const [method, bytes, code] of cases) {
      expect(await ask(connection, method, bytes), bytes.toString()).toMatchObject({ status: 1, value: { code } });
    }
    expect(asked).toEqual([]);
    expect(await ask(connection, 'status', toJson({ taskId: TASK_ID }))).toMatchObject({ status: 0 });
  });

  it('over the limit are cut off at their length prefix', async () => {
    const connection = await greeted(61);
    const stream = await connection.newStream('/tuning/status/1.0.0');
    // Claims 5 MB (varint) and sends a little.
    stream.send(Buffer.concat([Buffer.from([0xc0, 0x96, 0xb1, 0x02]), Buffer.alloc(100)]));
    const closed = new Promise((resolve) => stream.addEventListener('close', () => resolve(stream.status)));
    expect(await closed).toBe('reset');
    expect(asked).toEqual([]);
    expect(await ask(connection, 'status', toJson({ taskId: TASK_ID }))).toMatchObject({ status: 0 });
  });

  it('that never end are cut off at the deadline', async () => {
    const slow = await network.start({
      timeouts: { status: 400 },
      handlers: { onStatus: async () => ({ state: 'unknown' }) },
    });
    const mine = await signerOf(62);
    const { node } = await insider(mine.address);
    const connection = await node.dial(addressOf(slow));
    await ask(connection, 'hello', toJson(signHello(mine, scope, node.peerId, Date.now())));
    const stream = await connection.newStream('/tuning/status/1.0.0');
    const started = performance.now();
    stream.send(Buffer.from([100, 0x7b]));
    await new Promise((resolve) => stream.addEventListener('close', resolve));
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

describe('a false server', () => {
  it('with another key than the chain publishes is not talked to', async () => {
    const validator = await network.start({ permit: true });
    const other = await generateKeyPair('Ed25519');
    network.directory.change(miner.hotkey, { publicKey: other.publicKey.raw });
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_IDENTITY_MISMATCH' });
    expect(asked).toEqual([]);
  });

  it('that holds the published key but not the hotkey is not believed', async () => {
    const key = await generateKeyPair('Ed25519');
    const node = await rawNode(key, ['/ip4/127.0.0.1/tcp/0']);
    const forger = await signerOf(70);
    const victim = (await signerOf(71)).address;
    let served = 0;
    await node.handle('/tuning/hello/1.0.0', async (stream) => {
      const frames = lpStream(stream);
      await frames.read();
      const hello = { ...signHello(forger, scope, peerIdFromPrivateKey(key), Date.now()), hotkey: victim };
      await frames.write(Buffer.concat([Buffer.of(0), toJson(hello)]));
      await stream.close();
    });
    await node.handle('/tuning/task/1.0.0', () => {
      served += 1;
    });
    const port = Number(
      node
        .getMultiaddrs()[0]!
        .getComponents()
        .find(({ name }) => name === 'tcp')!.value,
    );
    network.directory.set({ hotkey: victim, host: '127.0.0.1', port, publicKey: key.publicKey.raw, permit: false });
    const validator = await network.start({ permit: true });
    expect(await failure(validator.peer.offer(victim, OFFER))).toMatchObject({ code: 'PEER_IDENTITY_MISMATCH' });
    expect(served).toBe(0);
  });
});
