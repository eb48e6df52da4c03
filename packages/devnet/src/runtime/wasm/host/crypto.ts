import { blake2b, ed25519Verify, secp256k1Expand, secp256k1Recover, sr25519Verify } from '@polkadot/wasm-crypto';
import type { Host, HostFunctions } from './host.ts';

const NO_KEY = new Uint8Array();
/** A transaction is checked when it enters the pool and again in its block; so many verdicts are remembered. */
const MAX_VERDICTS = 8192;
/** sp_io::EcdsaVerifyError */
const ECDSA_ERROR = { BadRS: 0, BadV: 1, BadSignature: 2 };

type Verify = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) => boolean;

/** ext_crypto_* without a keystore. A malformed signature or key is a false signature, never a fault. */
export function cryptoFunctions(host: Host): HostFunctions {
  const verdicts = new Map<string, boolean>();
  const verifier = (scheme: string, verify: Verify) => (signature: number, message: bigint, publicKey: number) => {
    const proof = new Uint8Array(host.memory.at(signature, 64));
    const text = host.memory.copy(message);
    const key = new Uint8Array(host.memory.at(publicKey, 32));
    const id = `${scheme}${Buffer.from(blake2b(Buffer.concat([proof, key, text]), NO_KEY, 32)).toString('latin1')}`;
    let good = verdicts.get(id);
    if (good === undefined) {
      if (verdicts.size >= MAX_VERDICTS) verdicts.clear();
      good = holds(verify, proof, text, key);
      verdicts.set(id, good);
    }
    return good ? 1 : 0;
  };
  const recover = (compressed: boolean) => (signature: number, message: number) => {
    const proof = new Uint8Array(host.memory.at(signature, 65));
    const digest = new Uint8Array(host.memory.at(message, 32));
    return host.memory.putSpan(recovered(proof, digest, compressed));
  };
  return {
    ext_crypto_sr25519_verify_version_1: verifier('sr25519', sr25519Verify),
    ext_crypto_sr25519_verify_version_2: verifier('sr25519', sr25519Verify),
    ext_crypto_ed25519_verify_version_1: verifier('ed25519', ed25519Verify),
    ext_crypto_secp256k1_ecdsa_recover_version_1: recover(false),
    ext_crypto_secp256k1_ecdsa_recover_version_2: recover(false),
    ext_crypto_secp256k1_ecdsa_recover_compressed_version_1: recover(true),
    ext_crypto_secp256k1_ecdsa_recover_compressed_version_2: recover(true),
  };
}

export function holds(verify: Verify, signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return verify(signature, message, publicKey);
  } catch {
    return false;
  }
}

/** SCALE Result<public key, EcdsaVerifyError>; the signature is r ‖ s ‖ v with v 0..3 or 27..30. */
export function recovered(signature: Uint8Array, digest: Uint8Array, compressed: boolean): Uint8Array {
  const v = signature[64]!;
  const recovery = v > 26 ? v - 27 : v;
  if (recovery > 3) return Uint8Array.of(1, ECDSA_ERROR.BadV);
  try {
    const key = secp256k1Recover(digest, signature.subarray(0, 64), recovery);
    // The expanded form starts with its marker 4, which the runtime does not want.
    const wanted = compressed ? key : secp256k1Expand(key).slice(-64);
    return Buffer.concat([Uint8Array.of(0), wanted]);
  } catch {
    return Uint8Array.of(1, ECDSA_ERROR.BadSignature);
  }
}
