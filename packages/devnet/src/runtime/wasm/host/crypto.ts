import { secp256k1Expand, secp256k1Recover } from '@polkadot/wasm-crypto';
import { SignatureChecker, type SignatureScheme } from '../../../signatures.ts';
import type { Host, HostFunctions } from './host.ts';

/** sp_io::EcdsaVerifyError */
const ECDSA_ERROR = { BadRS: 0, BadV: 1, BadSignature: 2 };

/** ext_crypto_* without a keystore. A malformed signature or key is a false signature, never a fault. */
export function cryptoFunctions(host: Host): HostFunctions {
  const checker = new SignatureChecker();
  const verifier = (scheme: SignatureScheme) => (signature: number, message: bigint, publicKey: number) => {
    const { memory } = host;
    return checker.holds(scheme, memory.view(message), memory.at(signature, 64), memory.at(publicKey, 32)) ? 1 : 0;
  };
  const recover = (compressed: boolean) => (signature: number, message: number) => {
    const proof = new Uint8Array(host.memory.at(signature, 65));
    const digest = new Uint8Array(host.memory.at(message, 32));
    return host.memory.putSpan(recovered(proof, digest, compressed));
  };
  return {
    ext_crypto_sr25519_verify_version_1: verifier('sr25519'),
    ext_crypto_sr25519_verify_version_2: verifier('sr25519'),
    ext_crypto_ed25519_verify_version_1: verifier('ed25519'),
    ext_crypto_secp256k1_ecdsa_recover_version_1: recover(false),
    ext_crypto_secp256k1_ecdsa_recover_version_2: recover(false),
    ext_crypto_secp256k1_ecdsa_recover_compressed_version_1: recover(true),
    ext_crypto_secp256k1_ecdsa_recover_compressed_version_2: recover(true),
  };
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
