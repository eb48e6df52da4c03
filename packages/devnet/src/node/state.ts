import { blake2AsU8a } from '@polkadot/util-crypto';
import type { RuntimeState } from '../runtime/runtime.ts';
import { fromHex, ScaleWriter, toHex } from '../scale/bytes.ts';
import type { TrieVersion } from '../trie/node-codec.ts';
import { Trie } from '../trie/trie.ts';

type Value = Uint8Array | undefined;
type Changes = Map<string, Value>;
interface Entry {
  block: number;
  value: Value;
}

/** States further apart than this are not compared: what lies between is some forty keys a block. */
const MAX_BLOCKS_COMPARED = 64;
/** So many new keys are cheaper to insert one by one than by sorting anew. */
const FEW_KEYS = 32;

/** Ordered key/value state that remembers the value of every key at every block of a bounded past. */
export class StateHistory {
  readonly #entries = new Map<string, Entry[]>();
  readonly #changed = new Map<number, string[]>();
  #sorted: string[] = [];
  #unsorted: string[] = [];
  #oldest = 0;
  #newest = -1;
  #overwrites = 0;
  /** The newest block's trie, once a runtime has asked for its root. */
  #trie: { block: number; trie: Trie } | undefined;
  #rooted: { changes: Changes; trie: Trie } | undefined;

  /** The first block whose state is still whole. */
  get oldest(): number {
    return this.#oldest;
  }

  /** How often a state that was there already has been written to. */
  get overwrites(): number {
    return this.#overwrites;
  }

  read(key: string, block: number): Value {
    const entries = this.#entries.get(key);
    if (!entries) return undefined;
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i]!;
      if (entry.block <= block) return entry.value;
    }
    return undefined;
  }

  /** Keys with a value at `block`, in byte order (lower-case hexadecimal sorts as bytes do). */
  keys(prefix: string, block: number, after?: string, limit = Number.POSITIVE_INFINITY): string[] {
    const sorted = this.#sortedKeys();
    const found: string[] = [];
    let at = lowerBound(sorted, after !== undefined && after > prefix ? after : prefix);
    for (; at < sorted.length && found.length < limit; at++) {
      const key = sorted[at]!;
      if (!key.startsWith(prefix)) break;
      if (key !== after && this.read(key, block) !== undefined) found.push(key);
    }
    return found;
  }

  commit(block: number, changes: Changes): void {
    const changed = new Set(this.#changed.get(block));
    for (const [key, value] of changes) {
      const entries = this.#entries.get(key);
      // Removing what never was is no change.
      if (!entries && value === undefined) continue;
      changed.add(key);
      if (!entries) {
        this.#entries.set(key, [{ block, value }]);
        this.#unsorted.push(key);
        continue;
      }
      const last = entries.at(-1)!;
      if (last.block === block) last.value = value;
      else entries.push({ block, value });
    }
    this.#changed.set(block, [...changed].sort());
    if (block <= this.#newest) this.#overwrites++;
    this.#newest = block;
    if (!this.#trie) return;
    // The author has just computed the root of these very changes: the hashes found then are kept.
    const from = this.#rooted?.changes === changes ? this.#rooted.trie : this.#trie.trie;
    this.#trie = { block, trie: from.with(changes) };
    this.#rooted = undefined;
  }

  /** The trie root of the state after `block` with `changes` on top. */
  root(block: number, changes: Changes, version: TrieVersion): Uint8Array {
    let base = this.#trie;
    if (base?.block !== block || base.trie.version !== version) {
      const entries = this.keys('0x', block).map((key) => [key, this.read(key, block)] as const);
      base = { block, trie: new Trie(version).with(entries) };
    }
    const trie = base.trie.with(changes);
    if (block === this.#newest) {
      this.#trie = base;
      this.#rooted = { changes, trie };
    }
    return trie.root();
  }

  /** Keys written or removed in `block`, whether or not their value differs, in byte order. */
  changedIn(block: number): readonly string[] {
    return this.#changed.get(block) ?? [];
  }

  /** Whether no key that starts with one of `prefixes` was written between the states of two near blocks. */
  isSameBelow(prefixes: readonly string[], one: number, other: number): boolean {
    const [from, to] = one < other ? [one, other] : [other, one];
    if (from < this.#oldest || to - from > MAX_BLOCKS_COMPARED) return false;
    for (let block = from + 1; block <= to; block++) {
      const changed = this.changedIn(block);
      for (const prefix of prefixes) {
        if (changed[lowerBound(changed, prefix)]?.startsWith(prefix)) return false;
      }
    }
    return true;
  }

  /** Forgets what only blocks before `block` need. */
  prune(block: number): void {
    for (let old = this.#oldest; old < block; old++) {
      for (const key of this.#changed.get(old + 1) ?? []) {
        const entries = this.#entries.get(key);
        if (!entries) continue;
        let keep = 0;
        while (keep + 1 < entries.length && entries[keep + 1]!.block <= block) keep++;
        if (keep > 0) entries.splice(0, keep);
      }
      this.#changed.delete(old);
    }
    this.#oldest = Math.max(this.#oldest, block);
  }

  #sortedKeys(): string[] {
    if (this.#unsorted.length > 0 && this.#unsorted.length <= FEW_KEYS) {
      for (const key of this.#unsorted) this.#sorted.splice(lowerBound(this.#sorted, key), 0, key);
      this.#unsorted = [];
    } else if (this.#unsorted.length > 0) {
      // Two sorted runs merge in almost linear time in V8's sort.
      this.#sorted = [...this.#sorted, ...this.#unsorted.sort()].sort();
      this.#unsorted = [];
    }
    return this.#sorted;
  }
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A writable view of the state at one block, with nested transactions. Nothing reaches the history by itself. */
export class StateView implements RuntimeState {
  readonly #history: StateHistory;
  readonly #block: number;
  readonly #overwrites: number;
  readonly #layers: Changes[] = [new Map()];
  /** Keys ever written here, rolled back or not: candidates for `nextKey`. */
  readonly #written = new Set<string>();
  #writtenSorted: string[] = [];

  constructor(history: StateHistory, block: number) {
    this.#history = history;
    this.#block = block;
    this.#overwrites = history.overwrites;
  }

  get(key: string): Value {
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const layer = this.#layers[i]!;
      if (layer.has(key)) return layer.get(key);
    }
    return this.#history.read(key, this.#block);
  }

  set(key: string, value: Uint8Array): void {
    this.#layers.at(-1)!.set(key, value);
    this.#written.add(key);
  }

  delete(key: string): void {
    this.#layers.at(-1)!.set(key, undefined);
  }

  keys(prefix: string): string[] {
    const keys = new Set(this.#history.keys(prefix, this.#block));
    for (const layer of this.#layers) {
      for (const [key, value] of layer) {
        if (!key.startsWith(prefix)) continue;
        if (value === undefined) keys.delete(key);
        else keys.add(key);
      }
    }
    return [...keys].sort();
  }

  nextKey(after: string): string | undefined {
    let stored: string | undefined = after;
    do {
      stored = this.#history.keys('0x', this.#block, stored, 1)[0];
    } while (stored !== undefined && this.get(stored) === undefined);
    if (this.#written.size !== this.#writtenSorted.length) this.#sortWritten();
    const written = this.#writtenSorted;
    for (let at = lowerBound(written, after); at < written.length; at++) {
      const key = written[at]!;
      if (stored !== undefined && key >= stored) break;
      if (key > after && this.get(key) !== undefined) return key;
    }
    return stored;
  }

  unchangedSince(earlier: RuntimeState, prefixes: readonly string[]): boolean {
    if (!(earlier instanceof StateView) || earlier.#history !== this.#history) return false;
    if (earlier.#overwrites !== this.#history.overwrites || this.#isWritten() || earlier.#isWritten()) return false;
    return this.#history.isSameBelow(prefixes, earlier.#block, this.#block);
  }

  #isWritten(): boolean {
    return this.#layers.some(({ size }) => size > 0);
  }

  /** A set keeps its order of insertion, so what is new is at its end. */
  #sortWritten(): void {
    const known = this.#writtenSorted.length;
    if (this.#written.size - known > FEW_KEYS) {
      this.#writtenSorted = [...this.#written].sort();
      return;
    }
    let at = 0;
    for (const key of this.#written) {
      if (at++ >= known) this.#writtenSorted.splice(lowerBound(this.#writtenSorted, key), 0, key);
    }
  }

  root(version: TrieVersion): Uint8Array {
    return this.#history.root(this.#block, this.changes(), version);
  }

  begin(): void {
    this.#layers.push(new Map());
  }

  commit(): void {
    const top = this.#layers.pop()!;
    const below = this.#layers.at(-1);
    if (!below) throw new Error('commit without begin');
    for (const [key, value] of top) below.set(key, value);
  }

  rollback(): void {
    this.#layers.pop();
    if (this.#layers.length === 0) throw new Error('rollback without begin');
  }

  /** Everything written; only valid outside transactions. */
  changes(): Changes {
    if (this.#layers.length !== 1) throw new Error('a transaction is still open');
    return this.#layers[0]!;
  }
}

/**
 * A stand-in for the trie root: a hash chained over every block's changes. It commits to the same content, though it
 * proves nothing about single keys; no client of a devnet asks for proofs.
 */
export function nextStateRoot(parent: string, changes: ReadonlyMap<string, Value>): string {
  const writer = new ScaleWriter().raw(fromHex(parent));
  for (const key of [...changes.keys()].sort()) {
    const value = changes.get(key);
    writer.text(key);
    if (value === undefined) writer.u8(0);
    else writer.u8(1).bytes(value);
  }
  return toHex(blake2AsU8a(writer.finish(), 256));
}
