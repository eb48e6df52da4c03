import { ZstdFault } from './zstd-fault.ts';

/** Bytes before and behind what is decoded, so that reading a few bits too many stays inside the array. */
export const PADDING = 16;

/** Place of the highest 1; of 0 it is -1. */
export function highestBit(value: number): number {
  return 31 - Math.clz32(value);
}

/** Up to 24 bits at a bit's place, lowest first. */
export function bitsAt(bytes: Uint8Array, bit: number, count: number): number {
  const at = bit >> 3;
  const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  return (word >>> (bit & 7)) & ((1 << count) - 1);
}

/** The bit above the first one of a stream that is read backwards: its last byte marks it by its highest 1 (RFC 8878, 4.1). */
export function topOfStream(bytes: Uint8Array, start: number, end: number): number {
  const last = end > start ? bytes[end - 1]! : 0;
  if (last === 0) throw new ZstdFault('a stream of bits has no end mark');
  return (end - 1) * 8 + highestBit(last);
}
