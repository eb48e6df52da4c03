import { blake2b, keccak256, keccak512, sha256, twox } from '@polkadot/wasm-crypto';
import type { Host, HostFunctions } from './host.ts';

const NO_KEY = new Uint8Array();
/** Pallet and item names come up in every storage access: so many hashes are remembered. */
const MAX_REMEMBERED = 4096;

/** ext_hashing_*: each gives the address of its digest. */
export function hashingFunctions(host: Host): HostFunctions {
  const hash = (digest: (data: Uint8Array) => Uint8Array) => (data: bigint) =>
    host.memory.put(digest(host.memory.view(data)));
  const remembered = new Map<string, Uint8Array>();
  const twox128 = (data: bigint): number => {
    const input = host.memory.key(data);
    let digest = remembered.get(input);
    if (!digest) {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      digest = twox(host.memory.view(data), 2);
      remembered.set(input, digest);
    }
    return host.memory.put(digest);
  };
  return {
    ext_hashing_blake2_128_version_1: hash((data) => blake2b(data, NO_KEY, 16)),
    ext_hashing_blake2_256_version_1: hash((data) => blake2b(data, NO_KEY, 32)),
    ext_hashing_keccak_256_version_1: hash(keccak256),
    ext_hashing_keccak_512_version_1: hash(keccak512),
    ext_hashing_sha2_256_version_1: hash(sha256),
    ext_hashing_twox_64_version_1: hash((data) => twox(data, 1)),
    ext_hashing_twox_128_version_1: twox128,
    ext_hashing_twox_256_version_1: hash((data) => twox(data, 4)),
  };
}
