import { blake2b } from '@polkadot/wasm-crypto';
import { encodeNode, inlineLimit, type TrieVersion } from './node-codec.ts';

/** A node of the radix-16 trie. `partial` and keys are hexadecimal digits, one per nibble. Never changed once built. */
export interface TrieNode {
  readonly partial: string;
  readonly value: Uint8Array | undefined;
  /** 16 places; undefined for a leaf. */
  readonly children: readonly (TrieNode | undefined)[] | undefined;
  /** Caches, filled on demand: the hash of a large value, and what the parent stores for this node. */
  valueHash?: Uint8Array | undefined;
  reference?: Uint8Array | undefined;
}

const NO_KEY = new Uint8Array();
const HASH_BYTES = 32;

export function blake2b256(data: Uint8Array): Uint8Array {
  return blake2b(data, NO_KEY, HASH_BYTES);
}

/**
 * Substrate's Patricia-Merkle trie with BLAKE2b-256 (Polkadot specification, "State storage trie"). Persistent: a changed
 * trie shares every untouched subtree, and so its hashes, with the one it came from. Needs `cryptoWaitReady()` once.
 */
export class Trie {
  readonly version: TrieVersion;
  readonly #root: TrieNode | undefined;

  constructor(version: TrieVersion, root?: TrieNode) {
    this.version = version;
    this.#root = root;
  }

  /** Applies changes; keys are '0x…' in lower case, undefined removes. */
  with(changes: Iterable<readonly [key: string, value: Uint8Array | undefined]>): Trie {
    let root = this.#root;
    for (const [key, value] of changes) {
      const nibbles = key.slice(2);
      root = value === undefined ? remove(root, nibbles) : insert(root, nibbles, value);
    }
    return root === this.#root ? this : new Trie(this.version, root);
  }

  /** 32 bytes. */
  root(): Uint8Array {
    return blake2b256(this.#root ? this.#encode(this.#root) : new Uint8Array([0]));
  }

  #encode(node: TrieNode): Uint8Array {
    let hash: Uint8Array | undefined;
    if (node.value !== undefined && node.value.length >= inlineLimit(this.version)) {
      node.valueHash ??= blake2b256(node.value);
      hash = node.valueHash;
    }
    const references = node.children?.map((child) => child && this.#reference(child));
    return encodeNode({ partial: node.partial, value: node.value, valueHash: hash, references });
  }

  #reference(node: TrieNode): Uint8Array {
    if (!node.reference) {
      const encoded = this.#encode(node);
      node.reference = encoded.length < HASH_BYTES ? encoded : blake2b256(encoded);
    }
    return node.reference;
  }
}

/** Root of the trie that maps compact(i) to item i, as block headers commit to extrinsics. */
export function orderedRoot(items: readonly Uint8Array[], version: TrieVersion): Uint8Array {
  return new Trie(version).with(items.map((item, index) => [compactKey(index), item] as const)).root();
}

function compactKey(index: number): string {
  const [size, value] = index < 64 ? [1, index << 2] : index < 16384 ? [2, (index << 2) | 1] : [4, index * 4 + 2];
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return `0x${bytes.toString('hex', 0, size)}`;
}

function insert(node: TrieNode | undefined, key: string, value: Uint8Array): TrieNode {
  if (!node) return { partial: key, value, children: undefined };
  const { partial } = node;
  const common = commonLength(partial, key);
  if (common === partial.length && common === key.length) {
    if (node.value !== undefined && Buffer.compare(node.value, value) === 0) return node;
    return { partial, value, children: node.children };
  }
  if (common === partial.length) {
    const at = nibble(key, common);
    const child = node.children?.[at];
    const next = insert(child, key.slice(common + 1), value);
    if (next === child) return node;
    return { partial, value: node.value, valueHash: node.valueHash, children: place(node.children, at, next) };
  }
  const below = { ...node, partial: partial.slice(common + 1), reference: undefined };
  const children = place(undefined, nibble(partial, common), below);
  if (common === key.length) return { partial: key, value, children };
  const leaf = { partial: key.slice(common + 1), value, children: undefined };
  return { partial: key.slice(0, common), value: undefined, children: place(children, nibble(key, common), leaf) };
}

function remove(node: TrieNode | undefined, key: string): TrieNode | undefined {
  if (!node || !key.startsWith(node.partial)) return node;
  const depth = node.partial.length;
  if (key.length === depth) {
    return node.value === undefined ? node : settled({ ...node, value: undefined, reference: undefined });
  }
  const at = nibble(key, depth);
  const child = node.children?.[at];
  const next = remove(child, key.slice(depth + 1));
  if (next === child) return node;
  return settled({ ...node, children: place(node.children, at, next), reference: undefined });
}

/** A node without value needs two children: with one it merges with it, with none it vanishes. */
function settled(node: TrieNode): TrieNode | undefined {
  const children = node.children ?? [];
  const count = children.reduce((sum, child) => sum + (child ? 1 : 0), 0);
  if (node.value !== undefined) return count > 0 ? node : { ...node, children: undefined };
  if (count > 1) return { ...node, valueHash: undefined };
  const at = children.findIndex((child) => child !== undefined);
  const child = children[at];
  return child && { ...child, partial: node.partial + at.toString(16) + child.partial, reference: undefined };
}

function place(
  children: readonly (TrieNode | undefined)[] | undefined,
  at: number,
  node: TrieNode | undefined,
): (TrieNode | undefined)[] {
  const copy = children ? children.slice() : new Array<TrieNode | undefined>(16).fill(undefined);
  copy[at] = node;
  return copy;
}

function commonLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

/** '0'..'9' are 48..57, 'a'..'f' 97..102. */
function nibble(key: string, at: number): number {
  const code = key.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
}
