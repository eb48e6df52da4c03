import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { QUICKNET, roundPoint } from './beacon.ts';
import { packSealed, type Sealed, undecryptable, unpackSealed } from './sealed-bytes.ts';

const { G1, G2, fields, pairing } = bls12_381;
/** A copy without the tables that the library would first compute for its own, at ten times the cost of one use. */
const GENERATOR = G2.Point.fromAffine(G2.Point.BASE.toAffine());
type Gt = ReturnType<typeof pairing>;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

export interface TimelockArgs {
  plaintext: Uint8Array;
  /** The drand round whose signature opens it. */
  round: number;
  /** Compressed G2 key of the beacon, 96 bytes. Default {@link QUICKNET}'s. */
  publicKey?: Uint8Array;
  /** Default the system's. Asked for key (32), sigma (32) and nonce (12), in this order. */
  random?: (bytes: number) => Uint8Array;
}

/**
 * Seals bytes until a drand round is published, so that Subtensor's runtime opens them by itself: identity-based encryption
 * over BLS12-381 (Boneh-Franklin, FullIdent) of an AES-256-GCM key, as in ideal-lab5/timelock. Takes about 60 ms of CPU,
 * several times that the first time; {@link timelockEncryptInSteps} shares them.
 * @returns 244 bytes more than the plaintext.
 * @throws RangeError when `round` is not a non-negative integer.
 */
export function timelockEncrypt(args: TimelockArgs): Uint8Array {
  const steps = seal(args);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** As {@link timelockEncrypt}, for a process with other things to do: between the steps it lets them. */
export async function timelockEncryptInSteps(args: TimelockArgs): Promise<Uint8Array> {
  const steps = seal(args);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await setImmediate();
  }
}

/** Yields between the operations that take long. */
function* seal({ plaintext, round, publicKey, random = randomBytes }: TimelockArgs): Generator<void, Uint8Array> {
  const identity = roundPoint(round);
  yield;
  const key = random(KEY_BYTES);
  const sigma = random(KEY_BYTES);
  const nonce = random(NONCE_BYTES);
  const scalar = scalarOf(sigma, key);
  const u = GENERATOR.multiply(scalar).toBytes(true);
  yield;
  const shared = G2.Point.fromBytes(publicKey ?? QUICKNET.publicKey).multiply(scalar);
  yield;
  const loop = pairing(identity, shared, false);
  yield;
  const mask = sha256(gtBytes(fields.Fp12.finalExponentiate(loop)));
  const cipher = createCipheriv(CIPHER, key, nonce);
  return packSealed({
    u,
    v: xor(sigma, mask),
    w: xor(key, sha256(sigma)),
    body: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]),
    nonce,
  });
}

/**
 * Opens what {@link timelockEncrypt} sealed.
 * @param signature of the round, 48 bytes: the `signature` of its pulse.
 * @throws BadInputError `TIMELOCK_UNDECRYPTABLE`: malformed, altered, or of another round.
 */
export function timelockDecrypt(ciphertext: Uint8Array, signature: Uint8Array): Uint8Array {
  const sealed = unpackSealed(ciphertext);
  const key = openKey(sealed, signature);
  if (!key) throw undecryptable('it is for another round, or was altered');
  try {
    const end = sealed.body.length - TAG_BYTES;
    const cipher = createDecipheriv(CIPHER, key, sealed.nonce).setAuthTag(sealed.body.subarray(end));
    return Uint8Array.from(Buffer.concat([cipher.update(sealed.body.subarray(0, end)), cipher.final()]));
  } catch (error) {
    throw undecryptable('its contents were altered', error);
  }
}

/** The AES key, if the signature fits the sealed one. */
function openKey({ u, v, w }: Sealed, signature: Uint8Array): Uint8Array | undefined {
  let points: { signed: ReturnType<typeof G1.Point.fromBytes>; sealed: ReturnType<typeof G2.Point.fromBytes> };
  try {
    points = { signed: G1.Point.fromBytes(signature), sealed: G2.Point.fromBytes(u) };
    if (points.signed.is0() || points.sealed.is0()) throw new RangeError('the point at infinity');
  } catch (error) {
    throw undecryptable('it, or the signature, holds no point of the curve', error);
  }
  const sigma = xor(v, sha256(gtBytes(pairing(points.signed, points.sealed))));
  const key = xor(w, sha256(sigma));
  return GENERATOR.multiply(scalarOf(sigma, key)).equals(points.sealed) ? key : undefined;
}

function scalarOf(sigma: Uint8Array, key: Uint8Array): bigint {
  return fields.Fr.create(BigInt(`0x${sha256(Buffer.concat([sigma, key])).toString('hex')}`));
}

/** arkworks' uncompressed Fp12: twelve base-field elements, little-endian, in the order of the tower. */
function gtBytes({ c0, c1 }: Gt): Uint8Array {
  const elements = [c0, c1].flatMap((six) => [six.c0, six.c1, six.c2].flatMap((two) => [two.c0, two.c1]));
  return Buffer.concat(elements.map((element) => Uint8Array.from(fields.Fp.toBytes(element)).reverse()));
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, at) => byte ^ b[at]!);
}
