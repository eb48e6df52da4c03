import type { PrivateKey } from '@libp2p/interface';

/** The libp2p key of one neuron: random ed25519, never derived from the hotkey, kept on disk. */
export interface PeerIdentity {
  /** ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** What `serve_axon_tls` publishes: 0xED ‖ public key, 33 bytes. */
  readonly certificate: Uint8Array;
  readonly peerId: string;
  readonly privateKey: PrivateKey;
}

export async function loadPeerIdentity(file: string): Promise<PeerIdentity> {
  throw new Error(`not written yet: ${file}`);
}
