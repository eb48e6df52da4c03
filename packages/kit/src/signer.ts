/**
 * An sr25519 key that can sign. `wallet` makes it; `chain` and `p2p` take it, so they need not know where keys live.
 * Signs the raw bytes given: no `<Bytes>` wrapping, no prehash.
 */
export interface Signer {
  /** SS58 address, prefix 42. */
  readonly address: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64-byte sr25519 signature over `message`. */
  sign(message: Uint8Array): Uint8Array;
}
