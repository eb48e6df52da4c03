import {
  cryptoWaitReady,
  decodeAddress,
  encodeAddress,
  mnemonicToMiniSecret,
  mnemonicValidate,
  sr25519PairFromSeed,
  sr25519Sign,
  sr25519Verify,
} from '@polkadot/util-crypto';
import { OperatorError, type Signer } from '@tuning/kit';

/** Bittensor's address prefix (Substrate generic). */
export const SS58_PREFIX = 42;

/** An sr25519 pair. `secretKey` is @polkadot's 64-byte form: ed25519-expanded scalar ‖ nonce. */
export interface KeyPair {
  publicKey: Uint8Array;
  secretKey: Uint8Array;
}

export function addressOf(publicKey: Uint8Array): string {
  return encodeAddress(publicKey, SS58_PREFIX);
}

/** The 32-byte Substrate mini-secret of a BIP39 mnemonic (not the BIP39 seed); no mnemonic password, no derivation. */
export async function seedOfMnemonic(mnemonic: string): Promise<Uint8Array> {
  await cryptoWaitReady();
  const words = mnemonic.trim().split(/\s+/).join(' ');
  if (!mnemonicValidate(words)) {
    throw new OperatorError(
      'WALLET_BAD_MNEMONIC',
      'the mnemonic is not valid: check its words, their order and number',
    );
  }
  return mnemonicToMiniSecret(words);
}

export function pairFromSeed(seed: Uint8Array): KeyPair {
  return sr25519PairFromSeed(seed);
}

/**
 * The pair of a key file's `privateKey`, which is schnorrkel's canonical secret (scalar 32 ‖ nonce 32). @polkadot's
 * scalar is eight times as large (multiplied by the curve's cofactor); fed unchanged, signatures do not verify.
 */
export function pairFromCanonical(canonical: Uint8Array, publicKey: Uint8Array): KeyPair {
  const secretKey = Uint8Array.from(canonical);
  writeScalar(secretKey, readScalar(canonical) << 3n);
  return { publicKey, secretKey };
}

/** The inverse of {@link pairFromCanonical}, for writing a key file. */
export function canonicalOf(secretKey: Uint8Array): Uint8Array {
  const canonical = Uint8Array.from(secretKey);
  writeScalar(canonical, readScalar(secretKey) >> 3n);
  return canonical;
}

/** Whether `pair`'s public key belongs to its secret key. */
export function isConsistent(pair: KeyPair): boolean {
  const probe = new TextEncoder().encode('tuning: does this key sign?');
  try {
    return sr25519Verify(probe, sr25519Sign(probe, pair), pair.publicKey);
  } catch {
    return false;
  }
}

/** A signer over `pair` that wipes the secret on `forget`; signing afterwards throws. */
export class PairSigner implements Signer {
  readonly address: string;
  readonly publicKey: Uint8Array;
  #secretKey: Uint8Array | undefined;

  constructor(pair: KeyPair) {
    this.address = addressOf(pair.publicKey);
    this.publicKey = pair.publicKey;
    this.#secretKey = pair.secretKey;
  }

  /** @throws OperatorError `WALLET_FORGOTTEN` after {@link forget}. */
  sign(message: Uint8Array): Uint8Array {
    if (!this.#secretKey) {
      throw new OperatorError('WALLET_FORGOTTEN', `the key of ${this.address} was wiped after its use: open it again`);
    }
    return sr25519Sign(message, { publicKey: this.publicKey, secretKey: this.#secretKey });
  }

  forget(): void {
    this.#secretKey?.fill(0);
    this.#secretKey = undefined;
  }
}

/** Whether `signature` is `address`'s sr25519 signature over the raw bytes of `message`. Never throws. */
export function verifySignature(address: string, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return sr25519Verify(message, signature, decodeAddress(address, false, SS58_PREFIX));
  } catch {
    return false;
  }
}

function readScalar(secret: Uint8Array): bigint {
  let scalar = 0n;
  for (let at = 31; at >= 0; at--) scalar = (scalar << 8n) | BigInt(secret[at]!);
  return scalar;
}

function writeScalar(secret: Uint8Array, scalar: bigint): void {
  let rest = scalar;
  for (let at = 0; at < 32; at++) {
    secret[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}
