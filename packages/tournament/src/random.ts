import { sha256Hex } from '@tuning/protocol';

/**
 * xoshiro128** 1.1 (Blackman and Vigna, public domain), seeded by the first 16 bytes of sha256(seed) as four big-endian
 * words. Returns uniform 32-bit integers. Chosen over hashing per draw because a bootstrap needs millions.
 */
export function seededUint32(seed: string): () => number {
  const digest = sha256Hex(seed);
  let [a, b, c, d] = [0, 8, 16, 24].map((at) => Number.parseInt(digest.slice(at, at + 8), 16)) as [
    number,
    number,
    number,
    number,
  ];
  return () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
}
