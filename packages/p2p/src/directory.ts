/** One registered neuron as the metagraph has it. */
export interface DirectoryEntry {
  /** SS58, prefix 42. */
  readonly hotkey: string;
  /** IP address of the axon; undefined where the neuron cannot be dialled (it dials us). */
  readonly host: string | undefined;
  readonly port: number;
  /** The ed25519 key published with `serve_axon_tls`, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Holds a validator permit: may send offers and ask for status and loss curves. */
  readonly permit: boolean;
}

/**
 * The daemon's view of the metagraph, the only source of who may speak. It may change at any time: every connection and
 * every request is judged by what it says at that moment.
 */
export interface PeerDirectory {
  byPeerKey(publicKey: Uint8Array): DirectoryEntry | undefined;
  byHotkey(hotkey: string): DirectoryEntry | undefined;
}
