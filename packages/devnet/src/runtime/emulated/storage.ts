import { blake2AsU8a, xxhashAsU8a } from '@polkadot/util-crypto';
import { fromHex, toHex } from '../../scale/bytes.ts';
import type { RuntimeState } from '../runtime.ts';
import type { Decoded } from './decoded-types.ts';
import { scaleCodecs } from './scale-types.ts';

type AllButLast<K extends readonly unknown[]> = K extends readonly [...infer I, unknown] ? I : readonly unknown[];
type Last<K extends readonly unknown[]> = K extends readonly [...unknown[], infer L] ? L : unknown;

export type Hasher = 'Blake2_128Concat' | 'Twox64Concat' | 'Identity';
export type HashedKey = readonly [hasher: Hasher, type: string];

/** One storage item as real metadata describes it, with typed access. An absent value reads as `fallback`. */
export interface StorageItem<K extends readonly unknown[], V, A = V> {
  readonly pallet: string;
  readonly name: string;
  readonly keys: readonly HashedKey[];
  readonly type: string;
  /** undefined: the item is optional. */
  readonly fallback: A;
  key(...keys: K): string;
  get(state: RuntimeState, ...keys: K): A;
  /** The stored bytes. */
  raw(state: RuntimeState, ...keys: K): Uint8Array | undefined;
  has(state: RuntimeState, ...keys: K): boolean;
  put(state: RuntimeState, ...keysAndValue: [...K, V]): void;
  remove(state: RuntimeState, ...keys: K): void;
  /** Of a map: the last keys of the entries that share all keys but the last, in the order of storage keys. */
  keysUnder(state: RuntimeState, ...shared: AllButLast<K>): Last<K>[];
  /** What the storage keys of all entries that share these keys start with. */
  prefix(...shared: AllButLast<K> | []): string;
  /** Removes every entry of a map. */
  clear(state: RuntimeState): void;
}

export type AnyStorageItem = StorageItem<readonly unknown[], unknown, unknown>;
type Unplaced<I> = (pallet: string, name: string) => I;

/** Hexadecimal digits before the key itself. */
const DIGEST_DIGITS: Readonly<Record<Hasher, number>> = { Identity: 0, Twox64Concat: 16, Blake2_128Concat: 32 };

/** The same accounts are keys of many items, again and again. A few MiB at most. */
const DIGESTS = { Twox64Concat: new Map<string, string>(), Blake2_128Concat: new Map<string, string>() };
const MAX_DIGESTS = 8_192;

function hash(hasher: Hasher, raw: string): string {
  if (hasher === 'Identity') return raw;
  const known = DIGESTS[hasher].get(raw);
  if (known !== undefined) return known;
  const bytes = Buffer.from(raw, 'hex');
  const digest = hasher === 'Twox64Concat' ? xxhashAsU8a(bytes, 64) : blake2AsU8a(bytes, 128);
  const hashed = Buffer.from(digest).toString('hex') + raw;
  if (DIGESTS[hasher].size >= MAX_DIGESTS) DIGESTS[hasher].clear();
  DIGESTS[hasher].set(raw, hashed);
  return hashed;
}

/** A key's SCALE form in hexadecimal; an account is that already. */
function encodedKey(type: string, value: unknown): string {
  if (type === 'AccountId32' && typeof value === 'string' && ACCOUNT.test(value)) return value.slice(2);
  return Buffer.from(scaleCodecs.encode(type, value)).toString('hex');
}
const ACCOUNT = /^0x[0-9a-f]{64}$/;

export function palletPrefix(pallet: string): string {
  return toHex(xxhashAsU8a(pallet, 128));
}

function item<K extends readonly unknown[], V, A>(
  keys: readonly HashedKey[],
  type: string,
  fallback: A,
): Unplaced<StorageItem<K, V, A>> {
  return (pallet, name) => {
    const prefix = palletPrefix(pallet) + toHex(xxhashAsU8a(name, 128)).slice(2);
    const keyOf = (values: readonly unknown[]): string => {
      let key = prefix;
      for (const [i, value] of values.entries()) {
        const [hasher, keyType] = keys[i]!;
        key += hash(hasher, encodedKey(keyType, value));
      }
      return key;
    };
    return {
      pallet,
      name,
      keys,
      type,
      fallback,
      key: (...values) => keyOf(values),
      get: (state, ...values) => {
        const stored = state.get(keyOf(values));
        return stored === undefined ? copyOf(fallback) : (scaleCodecs.decode(type, stored) as A);
      },
      raw: (state, ...values) => state.get(keyOf(values)),
      has: (state, ...values) => state.get(keyOf(values)) !== undefined,
      put: (state, ...rest) => {
        const value = rest[keys.length];
        state.set(keyOf(rest.slice(0, keys.length)), scaleCodecs.encode(type, value));
      },
      remove: (state, ...values) => state.delete(keyOf(values)),
      keysUnder: (state, ...shared) => {
        const start = keyOf(shared);
        const [hasher, keyType] = keys.at(-1)!;
        const from = start.length + DIGEST_DIGITS[hasher];
        return state.keys(start).map((key) => scaleCodecs.decode(keyType, fromHex(`0x${key.slice(from)}`)));
      },
      prefix: (...shared) => keyOf(shared),
      clear: (state) => {
        for (const key of state.keys(prefix)) state.delete(key);
      },
    } as StorageItem<K, V, A>;
  };
}

/** Callers may change what they get (a Vec they extend), which must not change the fallback. */
function copyOf<A>(fallback: A): A {
  return typeof fallback === 'object' && fallback !== null ? structuredClone(fallback) : fallback;
}

export function plain<E extends string>(type: E, fallback: Decoded<E>): Unplaced<StorageItem<[], Decoded<E>>> {
  return item([], type, fallback);
}

export function plainOptional<E extends string>(
  type: E,
): Unplaced<StorageItem<[], Decoded<E>, Decoded<E> | undefined>> {
  return item([], type, undefined);
}

type KeysOf<H extends readonly HashedKey[]> = {
  [I in keyof H]: H[I] extends readonly [Hasher, infer E extends string] ? Decoded<E> : never;
};

export function map<const H extends readonly HashedKey[], E extends string>(
  keys: H,
  type: E,
  fallback: Decoded<E>,
): Unplaced<StorageItem<KeysOf<H>, Decoded<E>>> {
  return item(keys, type, fallback);
}

export function optionalMap<const H extends readonly HashedKey[], E extends string>(
  keys: H,
  type: E,
): Unplaced<StorageItem<KeysOf<H>, Decoded<E>, Decoded<E> | undefined>> {
  return item(keys, type, undefined);
}

/** The commonest shape in SubtensorModule: Identity(netuid). */
export function perSubnet<E extends string>(
  type: E,
  fallback: Decoded<E>,
): Unplaced<StorageItem<[number], Decoded<E>>> {
  return item([['Identity', 'u16']], type, fallback);
}

/** Gives each item its pallet (the storage prefix) and its name (the property). */
export function defineStorage<T extends Readonly<Record<string, Unplaced<unknown>>>>(
  pallet: string,
  items: T,
): { readonly [N in keyof T]: T[N] extends Unplaced<infer I> ? I : never } {
  return Object.fromEntries(Object.entries(items).map(([name, place]) => [name, place(pallet, name)])) as never;
}
