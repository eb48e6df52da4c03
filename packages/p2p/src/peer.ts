import type { Logger, Signer } from '@tuning/kit';
import type { OfferAnswer, StatusAnswer, TaskOffer } from '@tuning/protocol';
import type { DirectoryEntry, PeerDirectory } from './directory.ts';
import type { PeerIdentity } from './identity.ts';
import type { Quotas } from './quotas.ts';

/** What a daemon answers to others. A protocol without a handler is not spoken at all. */
export interface PeerHandlers {
  onOffer?: (from: DirectoryEntry, offer: TaskOffer, signal: AbortSignal) => Promise<OfferAnswer>;
  onStatus?: (from: DirectoryEntry, taskId: string, signal: AbortSignal) => Promise<StatusAnswer>;
}

export interface PeerOptions {
  identity: PeerIdentity;
  hotkey: Signer;
  /** '0x' + 64 hex digits. */
  genesisHash: string;
  netuid: number;
  /** undefined: no open port; such a node dials others and is asked over those connections. Port 0: any free port. */
  listen: { host: string; port: number } | undefined;
  directory: PeerDirectory;
  handlers: PeerHandlers;
  quotas?: Partial<Quotas>;
  logger?: Logger;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface Peer {
  readonly peerId: string;
  /** The port listened on; 0 where not listening. */
  readonly port: number;
  offer(hotkey: string, offer: TaskOffer, options?: CallOptions): Promise<OfferAnswer>;
  status(hotkey: string, taskId: string, options?: CallOptions): Promise<StatusAnswer>;
  /** Dials and does the hello, so that the other side can ask back over the connection. */
  connect(hotkey: string, options?: CallOptions): Promise<void>;
  /** Call after the directory changed: says goodbye to connected peers that lost their entry and closes them. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

export async function createPeer(options: PeerOptions): Promise<Peer> {
  throw new Error(`not written yet: ${options.netuid}`);
}
