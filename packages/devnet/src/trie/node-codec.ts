/** Layout version of the state trie: 0 stores every value in its node, 1 the hash of values from 33 bytes on. */
export type TrieVersion = 0 | 1;

/** Values of at least so many bytes are stored as their hash (sp_core::storage::TRIE_VALUE_NODE_THRESHOLD). */
export function inlineLimit(version: TrieVersion): number {
  return version === 1 ? 33 : Number.POSITIVE_INFINITY;
}

export interface NodeParts {
  /** Hexadecimal digits. */
  partial: string;
  value: Uint8Array | undefined;
  /** Set when the value is stored as a hash. */
  valueHash: Uint8Array | undefined;
  /** 16 places for a branch: the encoding of a small child or the hash of a large one. */
  references: readonly (Uint8Array | undefined)[] | undefined;
}

/** Header patterns and how many of the first byte's bits are left for the length (Polkadot specification, "Node header"). */
const LEAF = { pattern: 0b0100_0000, bits: 6 };
const BRANCH = { pattern: 0b1000_0000, bits: 6 };
const BRANCH_WITH_VALUE = { pattern: 0b1100_0000, bits: 6 };
const LEAF_WITH_HASH = { pattern: 0b0010_0000, bits: 5 };
const BRANCH_WITH_HASH = { pattern: 0b0001_0000, bits: 4 };

export function encodeNode({ partial, value, valueHash, references }: NodeParts): Uint8Array {
  const childBytes = references ? references.reduce((sum, one) => sum + (one ? one.length + 1 : 0), 2) : 0;
  const out = Buffer.allocUnsafe(partial.length + 16 + (value?.length ?? 0) + childBytes);
  let at = writeHeader(out, headerOf(references !== undefined, value, valueHash), partial.length);
  at = writeNibbles(out, at, partial);
  if (references) {
    let bitmap = 0;
    for (let i = 0; i < 16; i++) if (references[i]) bitmap |= 1 << i;
    at = out.writeUInt16LE(bitmap, at);
  }
  if (valueHash) {
    out.set(valueHash, at);
    at += valueHash.length;
  } else if (value !== undefined) {
    at = writeBytes(out, at, value);
  }
  for (const reference of references ?? []) if (reference) at = writeBytes(out, at, reference);
  return out.subarray(0, at);
}

function headerOf(
  branch: boolean,
  value: Uint8Array | undefined,
  hash: Uint8Array | undefined,
): { pattern: number; bits: number } {
  if (!branch) return hash ? LEAF_WITH_HASH : LEAF;
  if (hash) return BRANCH_WITH_HASH;
  return value === undefined ? BRANCH : BRANCH_WITH_VALUE;
}

function writeHeader(out: Buffer, { pattern, bits }: { pattern: number; bits: number }, length: number): number {
  const most = (1 << bits) - 1;
  if (length < most) return out.writeUInt8(pattern | length, 0);
  let at = out.writeUInt8(pattern | most, 0);
  let rest = length - most;
  for (; rest >= 255; rest -= 255) at = out.writeUInt8(255, at);
  return out.writeUInt8(rest, at);
}

/** An odd number of nibbles puts the first alone into a byte. */
function writeNibbles(out: Buffer, at: number, partial: string): number {
  const even = partial.length % 2 === 0 ? partial : `0${partial}`;
  return at + out.write(even, at, 'hex');
}

function writeBytes(out: Buffer, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  let next = at;
  if (length < 0x40) next = out.writeUInt8(length << 2, at);
  else if (length < 0x4000) next = out.writeUInt16LE((length << 2) | 1, at);
  else next = out.writeUInt32LE(((length << 2) | 2) >>> 0, at);
  out.set(bytes, next);
  return next + length;
}
