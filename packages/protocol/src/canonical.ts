import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex } from '@noble/hashes/utils';

/** A value that JSON can carry without loss. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/**
 * One JSON text per value: object keys sorted by UTF-16 code unit, no white space, undefined members left out. Numbers
 * must be finite. The text is what gets hashed and signed.
 * @throws RangeError for NaN, Infinity or a value that JSON cannot carry.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${value} has no canonical JSON form`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new RangeError(`a ${typeof value} has no canonical JSON form`);
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as Json)}`);
  return `{${members.join(',')}}`;
}

const encoder = new TextEncoder();

/** Lower-case hex sha256 of bytes or of a UTF-8 text. */
export function sha256Hex(data: Uint8Array | string): string {
  return bytesToHex(sha256(typeof data === 'string' ? encoder.encode(data) : data));
}

/** sha256 over the canonical JSON of `value`, lower-case hex. */
export function digestJson(value: Json): string {
  return sha256Hex(canonicalJson(value));
}
