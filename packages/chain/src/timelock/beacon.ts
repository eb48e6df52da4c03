import { createHash } from 'node:crypto';
import { bls12_381 } from '@noble/curves/bls12-381.js';

/** A drand network: who signs its rounds, and when. */
export interface Beacon {
  /** Compressed G2 point, 96 bytes. */
  publicKey: Uint8Array;
  /** Unix seconds at which round 1 is published. */
  genesisTime: number;
  /** Seconds between rounds. */
  periodSeconds: number;
}

/**
 * drand's quicknet (scheme bls-unchained-g1-rfc9380), whose rounds Subtensor keeps in `Drand.Pulses`. Published by the
 * League of Entropy at api.drand.sh/v2/beacons/quicknet/info.
 */
export const QUICKNET: Readonly<Beacon & { chainHash: string; groupHash: string }> = {
  publicKey: Uint8Array.from(
    Buffer.from(
      '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
      'hex',
    ),
  ),
  genesisTime: 1_692_803_367,
  periodSeconds: 3,
  chainHash: '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971',
  groupHash: 'f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e',
};

/** The newest round that is published at `unixSeconds`; 0 before the first. */
export function roundAt(unixSeconds: number, beacon: Pick<Beacon, 'genesisTime' | 'periodSeconds'> = QUICKNET): number {
  return Math.max(0, Math.floor((unixSeconds - beacon.genesisTime) / beacon.periodSeconds) + 1);
}

/** Unix seconds at which a round (from 1) is published. */
export function roundTime(round: number, beacon: Pick<Beacon, 'genesisTime' | 'periodSeconds'> = QUICKNET): number {
  return beacon.genesisTime + (round - 1) * beacon.periodSeconds;
}

/** Hash-to-curve domain of drand's G1 schemes (RFC 9380 suite of the scheme's name). */
const DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';

/** What the beacon signs for a round: sha256 of the round as u64, big-endian, hashed to G1. */
export function roundPoint(round: number) {
  if (!Number.isSafeInteger(round) || round < 0) throw new RangeError(`${round} is not a drand round`);
  const id = Buffer.alloc(8);
  id.writeBigUInt64BE(BigInt(round));
  return bls12_381.G1.hashToCurve(createHash('sha256').update(id).digest(), { DST });
}

/**
 * A beacon of one's own, for chains without a network: whoever holds the secret can open every round at once.
 * @param secretKey 32 bytes, big-endian, taken modulo the scalar order; not zero.
 */
export function beaconFromSecret(secretKey: Uint8Array): {
  publicKey: Uint8Array;
  /** 48 bytes: the signature of a pulse. */
  sign(round: number): Uint8Array;
} {
  const scalar = bls12_381.fields.Fr.create(BigInt(`0x${Buffer.from(secretKey).toString('hex') || '0'}`));
  return {
    publicKey: bls12_381.G2.Point.BASE.multiply(scalar).toBytes(true),
    sign: (round) => roundPoint(round).multiply(scalar).toBytes(true),
  };
}
