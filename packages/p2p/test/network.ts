import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeAddress, sr25519PairFromSeed, sr25519Sign } from '@polkadot/util-crypto';
import type { Signer } from '@tuning/kit';
import type { TaskOffer } from '@tuning/protocol';
import {
  createPeer,
  type DirectoryEntry,
  loadPeerIdentity,
  type Peer,
  type PeerDirectory,
  type PeerIdentity,
  type PeerOptions,
} from '../src/index.ts';

export const GENESIS = `0x${'11'.repeat(32)}`;
export const NETUID = 7;

/** An sr25519 key from one byte, so that golden vectors are stable. */
export async function signerOf(byte: number): Promise<Signer> {
  const pair = sr25519PairFromSeed(new Uint8Array(32).fill(byte));
  return {
    address: encodeAddress(pair.publicKey, 42),
    publicKey: pair.publicKey,
    sign: (message) => sr25519Sign(message, pair),
  };
}

/** A metagraph in memory that a test changes as it likes. */
export class FakeDirectory implements PeerDirectory {
  readonly entries = new Map<string, DirectoryEntry>();

  byPeerKey(publicKey: Uint8Array): DirectoryEntry | undefined {
    return [...this.entries.values()].find((entry) => Buffer.compare(entry.publicKey, publicKey) === 0);
  }

  byHotkey(hotkey: string): DirectoryEntry | undefined {
    return this.entries.get(hotkey);
  }

  set(entry: DirectoryEntry): void {
    this.entries.set(entry.hotkey, entry);
  }

  change(hotkey: string, patch: Partial<DirectoryEntry>): void {
    this.set({ ...this.entries.get(hotkey)!, ...patch });
  }
}

export interface Neuron {
  readonly peer: Peer;
  readonly hotkey: string;
  readonly signer: Signer;
  readonly identity: PeerIdentity;
}

/** Peers on real sockets that share one directory; everything is stopped and removed by `close`. */
export class Network {
  readonly directory = new FakeDirectory();
  readonly #close: (() => Promise<unknown>)[] = [];
  #seed = 1;

  async identity(): Promise<PeerIdentity> {
    const folder = await mkdtemp(join(tmpdir(), 'tuning-p2p-'));
    this.#close.push(() => rm(folder, { recursive: true, force: true }));
    return loadPeerIdentity(join(folder, 'p2p', 'identity.key'));
  }

  /** Starts a neuron and puts it into the directory (unless `stranger`). */
  async start(
    options: Partial<PeerOptions> & { permit?: boolean; stranger?: boolean; host?: string } = {},
  ): Promise<Neuron> {
    const { permit = false, stranger = false, host = '127.0.0.1', ...rest } = options;
    const signer = rest.hotkey ?? (await signerOf(this.#seed++));
    const identity = rest.identity ?? (await this.identity());
    const peer = await createPeer({
      identity,
      hotkey: signer,
      genesisHash: GENESIS,
      netuid: NETUID,
      listen: { host, port: 0 },
      directory: this.directory,
      handlers: {},
      ...rest,
    });
    this.#close.push(() => peer.stop());
    const neuron = { peer, hotkey: signer.address, signer, identity };
    if (!stranger) {
      const dialled = peer.port === 0 ? undefined : host;
      this.directory.set({
        hotkey: signer.address,
        host: dialled,
        port: peer.port,
        publicKey: identity.publicKey,
        permit,
      });
    }
    return neuron;
  }

  /** Runs `close` of a thing that is not a neuron when the network closes. */
  defer(close: () => Promise<unknown>): void {
    this.#close.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#close.reverse()) await close();
    this.#close.length = 0;
  }
}

export const TASK_ID = '0123456789abcdef';

export const OFFER: TaskOffer = {
  taskId: TASK_ID,
  netuid: NETUID,
  model: { repo: 'base/model', revision: 'a'.repeat(40) },
  dataset: {
    repo: 'validator/train',
    revision: 'b'.repeat(40),
    file: { path: 'train.jsonl', sha256: 'c'.repeat(64), bytes: 1_000, rows: 10 },
  },
  datasetType: 'alpaca',
  promptFormat: 'axolotl-2024-10',
  sequenceLen: 512,
  seal: 'd'.repeat(64),
  offerDeadlineBlock: 100,
  deadlineBlock: 200,
  maxModelBytes: 1_000_000,
};

/** The code (and the other side's code) that a call fails with. */
export async function failure(call: Promise<unknown>): Promise<{ name?: string; code?: string; peerCode?: unknown }> {
  try {
    await call;
  } catch (error) {
    const { name, code, details } = error as { name: string; code: string; details?: { peerCode?: unknown } };
    return { name, code, ...(details?.peerCode === undefined ? {} : { peerCode: details.peerCode }) };
  }
  return {};
}
