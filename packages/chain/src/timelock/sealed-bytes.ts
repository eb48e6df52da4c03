import { BadInputError } from '@tuning/kit';

/** The parts of a timelocked ciphertext. */
export interface Sealed {
  /** Compressed G2 point, 96 bytes. */
  u: Uint8Array;
  /** 32 bytes. */
  v: Uint8Array;
  /** 32 bytes. */
  w: Uint8Array;
  /** AES-256-GCM ciphertext, then its 16-byte tag. */
  body: Uint8Array;
  /** 12 bytes. */
  nonce: Uint8Array;
}

const POINT = 96;
const WORD = 32;
const TAG = 16;
const NONCE = 12;
const SUFFIX = Buffer.from('AES_GCM_', 'ascii');
const LENGTH = 8;
/** Bytes of the inner blob besides the plaintext and its tag. */
const INNER = LENGTH + LENGTH + NONCE;

/**
 * arkworks' compressed form of ideal-lab5/timelock's TLECiphertext (tle/src, rev 5416406c): the point, then length-prefixed
 * (u64, little-endian) v, w, an inner blob of body and nonce, and the name of the cipher. 244 bytes more than the plaintext.
 */
export function packSealed({ u, v, w, body, nonce }: Sealed): Uint8Array {
  return Uint8Array.from(
    Buffer.concat([
      u,
      ...prefixed(v),
      ...prefixed(w),
      length(INNER + body.length),
      ...prefixed(body),
      ...prefixed(nonce),
      ...prefixed(SUFFIX),
    ]),
  );
}

/** @throws BadInputError `TIMELOCK_UNDECRYPTABLE`. */
export function unpackSealed(bytes: Uint8Array): Sealed {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (size: number): Buffer => {
    if (size > data.length - at) throw undecryptable('it is cut short');
    at += size;
    return data.subarray(at - size, at);
  };
  const size = (): number => {
    const value = take(LENGTH).readBigUInt64LE();
    if (value > BigInt(data.length)) throw undecryptable('a length in it is wrong');
    return Number(value);
  };
  const sized = (expected: number): Buffer => {
    if (size() !== expected) throw undecryptable('a length in it is wrong');
    return take(expected);
  };
  const [u, v, w] = [take(POINT), sized(WORD), sized(WORD)];
  const inner = size();
  if (inner < INNER + TAG) throw undecryptable('a length in it is wrong');
  const [body, nonce, suffix] = [sized(inner - INNER), sized(NONCE), sized(SUFFIX.length)];
  if (!suffix.equals(SUFFIX)) throw undecryptable('it is of another cipher');
  if (at !== data.length) throw undecryptable('bytes follow it');
  return { u, v, w, body, nonce };
}

export function undecryptable(why: string, cause?: unknown): BadInputError {
  return new BadInputError('TIMELOCK_UNDECRYPTABLE', `a timelocked ciphertext cannot be opened: ${why}`, { cause });
}

function prefixed(bytes: Uint8Array): Uint8Array[] {
  return [length(bytes.length), bytes];
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(LENGTH);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
