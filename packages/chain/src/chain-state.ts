import type { ApiPromise } from '@polkadot/api';
import type { Codec } from '@polkadot/types/types';
import { OperatorError } from '@tuning/kit';
import type { z } from 'zod';
import { parseValue } from './chain-values.ts';
import type { Session } from './session.ts';

type Decoration = Awaited<ReturnType<ApiPromise['at']>>;
/** The part of polkadot.js' storage entries that is used here, all keys alike. */
interface Entry {
  (...keys: unknown[]): Promise<Codec>;
  multi(keys: unknown[]): Promise<Codec[]>;
  entries(...keys: unknown[]): Promise<[{ args: Codec[] }, Codec][]>;
}

/** Rows of one storage map read at once; far above the 256 neurons of a subnet. */
const MAX_ROWS = 10_000;

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
  const entry = (pallet: string, item: string) => storageEntry(session, at, pallet, item);
  return {
    hash,
    has: (pallet, item) => at.query[pallet]?.[item] !== undefined,
    read: async (schema, pallet, item, ...keys) =>
      parseValue(schema, (await entry(pallet, item)(...keys)).toJSON(), `${pallet}.${item}`),
    readMany: async (schema, pallet, item, keys) => {
      if (keys.length === 0) return [];
      const values = await entry(pallet, item).multi([...keys]);
      return values.map((value) => parseValue(schema, value.toJSON(), `${pallet}.${item}`));
    },
    rows: async (key, schema, pallet, item, ...firstKeys) => {
      const rows = await entry(pallet, item).entries(...firstKeys);
      return new Map(
        rows.slice(0, MAX_ROWS).map(([storageKey, value]) => {
          const last = storageKey.args.at(-1)?.toJSON();
          return [
            parseValue(key, last, `${pallet}.${item} key`),
            parseValue(schema, value.toJSON(), `${pallet}.${item}`),
          ];
        }),
      );
    },
  };
}

function storageEntry(session: Session, at: Decoration, pallet: string, item: string): Entry {
  const found = at.query[pallet]?.[item];
  if (!found) throw unsupported(session, `storage ${pallet}.${item}`);
  return found as unknown as Entry;
}

/** @returns an OperatorError `CHAIN_UNSUPPORTED` naming the missing thing and the runtime. */
export function unsupported(session: Session, what: string): OperatorError {
  return new OperatorError(
    'CHAIN_UNSUPPORTED',
    `the chain at ${session.socket.endpoint} (${session.specName} ${session.specVersion}) has no ${what}: use a chain that has it, or a version of this program made for it`,
  );
}
