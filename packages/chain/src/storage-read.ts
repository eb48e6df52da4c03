import type { ApiPromise } from '@polkadot/api';
import type { SiLookupTypeId } from '@polkadot/types/interfaces';
import type { Codec, Registry } from '@polkadot/types/types';
import { z } from 'zod';
import { endpointFault } from './endpoint-fault.ts';
import { guardScale } from './scale-guard.ts';
import type { Session } from './session.ts';

/** What is used of polkadot.js' storage entries: how keys are made and of what type values are. */
export interface StorageEntry {
  key(...keys: unknown[]): string;
  keyPrefix(...keys: unknown[]): string;
  readonly creator: {
    meta: {
      fallback: { toU8a(isBare: true): Uint8Array };
      modifier: { isOptional: boolean };
      type: { isPlain: boolean; asPlain: SiLookupTypeId; asMap: { key: SiLookupTypeId; value: SiLookupTypeId } };
    };
  };
}

export type Decoration = Awaited<ReturnType<ApiPromise['at']>>;

/** Keys per question; nodes refuse larger pages. */
const PAGE = 1_000;
/** Rows of one storage map read at once; far above the 256 neurons of a subnet. */
const MAX_ROWS = 10_000;

const hex = z.string().regex(/^0x([0-9a-f]{2})*$/);
const changeSets = z.tuple([z.looseObject({ changes: z.array(z.tuple([hex, hex.nullable()])) })]);
const keyPage = z.array(hex).max(PAGE);

/**
 * The values of an entry at a block, in the order of `keys`; undefined where there is none and the entry has no default.
 * @throws TransientError `CHAIN_BAD_ANSWER` when the answer is not one value per key; what the socket throws.
 */
export async function readValues(session: Session, hash: string, keys: readonly string[]): Promise<(string | null)[]> {
  const values = new Map<string, string | null>();
  for (let from = 0; from < keys.length; from += PAGE) {
    const asked = keys.slice(from, from + PAGE);
    const answer = changeSets.safeParse(await session.socket.request('state_queryStorageAt', [asked, hash]));
    for (const [key, value] of answer.data?.[0].changes ?? []) values.set(key, value);
    const missing = asked.filter((key) => !values.has(key)).length;
    if (missing > 0) throw badAnswer(`it left out ${missing} of ${asked.length} storage values`);
  }
  return keys.map((key) => values.get(key) ?? null);
}

/**
 * The keys of a map below a prefix, at most 10,000.
 * @throws TransientError `CHAIN_BAD_ANSWER` when they are out of order, not below it, or more.
 */
export async function readKeys(session: Session, hash: string, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (let start: string | null = null; ; start = found.at(-1)!) {
    const answer = keyPage.safeParse(await session.socket.request('state_getKeysPaged', [prefix, PAGE, start, hash]));
    if (!answer.success) throw badAnswer('it gave no list of storage keys');
    for (const key of answer.data) {
      if (!key.startsWith(prefix) || key <= (found.at(-1) ?? '')) throw badAnswer('its storage keys are out of order');
      found.push(key);
    }
    if (answer.data.length < PAGE) return found;
    if (found.length >= MAX_ROWS) throw badAnswer(`it has more than ${MAX_ROWS} rows of one map`);
  }
}

/** A stored value, or what the runtime takes for a missing one; undefined when that is nothing. */
export function decodeValue(
  registry: Registry,
  { creator: { meta } }: StorageEntry,
  stored: string | null,
  what: string,
): Codec | undefined {
  if (stored === null && meta.modifier.isOptional) return undefined;
  const bytes = stored === null ? meta.fallback.toU8a(true) : Uint8Array.from(Buffer.from(stored.slice(2), 'hex'));
  const type = meta.type.isPlain ? meta.type.asPlain : meta.type.asMap.value;
  guardScale(registry.lookup, type, bytes, what);
  return registry.createTypeUnsafe(registry.createLookupType(type), [bytes]);
}

/** The keys that a map's storage key was made of. */
export function decodeKey(registry: Registry, entry: StorageEntry, key: string): Codec[] {
  const decoded = registry.createType('StorageKey', key);
  decoded.setMeta(entry.creator.meta as unknown as Parameters<typeof decoded.setMeta>[0]);
  const { args } = decoded;
  if (entry.key(...args) !== key) throw badAnswer('a storage key is not one of its map');
  return args;
}

function badAnswer(what: string): Error {
  return endpointFault('CHAIN_BAD_ANSWER', `the endpoint's answer cannot be right: ${what}`);
}
