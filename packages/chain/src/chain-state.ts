import type { Registry } from '@polkadot/types/types';
import { OperatorError } from '@tuning/kit';
import type { z } from 'zod';
import { parseValue } from './chain-values.ts';
import type { Session } from './session.ts';
import { type Decoration, decodeKey, decodeValue, readKeys, readValues, type StorageEntry } from './storage-read.ts';

/**
 * The chain's storage at one block. Pallets and items are named as polkadot.js does (camelCase) and resolved in the
 * metadata of that block; values are parsed at once.
 */
export interface ChainState {
  /** Hash of the block. */
  readonly hash: string;
  has(pallet: string, item: string): boolean;
  read<S extends z.ZodType>(schema: S, pallet: string, item: string, ...keys: unknown[]): Promise<z.output<S>>;
  /** One value per key list, in order. */
  readMany<S extends z.ZodType>(
    schema: S,
    pallet: string,
    item: string,
    keys: readonly unknown[],
  ): Promise<z.output<S>[]>;
  /** All rows below the given first keys, by their last key. */
  rows<K extends z.ZodType, S extends z.ZodType>(
    key: K,
    schema: S,
    pallet: string,
    item: string,
    ...firstKeys: unknown[]
  ): Promise<Map<z.output<K>, z.output<S>>>;
}

/** Reads at `hash` over `session`. Throws what the socket throws, and OperatorError `CHAIN_UNSUPPORTED`. */
export async function stateAt(session: Session, hash: string): Promise<ChainState> {
  const at = await session.api.at(hash);
  const { registry } = at;
  const entryOf = (pallet: string, item: string) => storageEntry(session, at, pallet, item);
  const parse = <S extends z.ZodType>(schema: S, entry: StorageEntry, stored: string | null, what: string) =>
    parseValue(schema, decodeValue(registry, entry, stored, what)?.toJSON() ?? null, what);
  return {
    hash,
    has: (pallet, item) => at.query[pallet]?.[item] !== undefined,
    read: async (schema, pallet, item, ...keys) => {
      const entry = entryOf(pallet, item);
      const [stored] = await readValues(session, hash, [entry.key(...keys)]);
      return parse(schema, entry, stored ?? null, `${pallet}.${item}`);
    },
    readMany: async (schema, pallet, item, keys) => {
      const entry = entryOf(pallet, item);
      const made = keys.map((key) => (Array.isArray(key) ? entry.key(...key) : entry.key(key)));
      const values = await readValues(session, hash, made);
      return values.map((stored) => parse(schema, entry, stored, `${pallet}.${item}`));
    },
    rows: async (key, schema, pallet, item, ...firstKeys) => {
      const entry = entryOf(pallet, item);
      const what = `${pallet}.${item}`;
      const keys = await readKeys(session, hash, entry.keyPrefix(...firstKeys));
      const values = await readValues(session, hash, keys);
      return new Map(
        keys.map((storageKey, index) => [
          parseValue(key, decodeKey(registry, entry, storageKey).at(-1)?.toJSON(), `${what} key`),
          parseValue(schema, rowJson(registry, entry, values[index] ?? null, what), what),
        ]),
      );
    },
  };
}

/** A row that cannot be decoded is for the schema to judge: one odd row need not hide the others. */
function rowJson(registry: Registry, entry: StorageEntry, stored: string | null, what: string): unknown {
  try {
    return decodeValue(registry, entry, stored, what)?.toJSON() ?? null;
  } catch {
    return undefined;
  }
}

export function storageEntry(session: Session, at: Decoration, pallet: string, item: string): StorageEntry {
  const found = at.query[pallet]?.[item];
  if (!found) throw unsupported(session, `storage ${pallet}.${item}`);
  return found as unknown as StorageEntry;
}

/** @returns an OperatorError `CHAIN_UNSUPPORTED` naming the missing thing and the runtime. */
export function unsupported(session: Session, what: string): OperatorError {
  return new OperatorError(
    'CHAIN_UNSUPPORTED',
    `the chain at ${session.socket.endpoint} (${session.specName} ${session.specVersion}) has no ${what}: use a chain that has it, or a version of this program made for it`,
  );
}
