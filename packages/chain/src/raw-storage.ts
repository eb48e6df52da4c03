import { blake2AsU8a, xxhashAsU8a } from '@polkadot/util-crypto';
import { z } from 'zod';
import { parseValue } from './chain-values.ts';
import { endpointFault } from './endpoint-fault.ts';
import type { Session } from './session.ts';
import { storageLayout } from './storage-layout.ts';

/** Keys of one request: some 50 KiB. */
const KEYS_PER_REQUEST = 512;

/** The rows are checked by hand: a schema's look at each of some 1,500 takes longer than decoding them. */
const changesOf = z.array(z.object({ changes: z.array(z.unknown()).max(KEYS_PER_REQUEST) })).max(KEYS_PER_REQUEST);

/** A storage item whose keys and values are read without polkadot.js' codecs, which take most of the time of a large read. */
export interface RawItem {
  /** The full key, as hex. `parts` are the encoded keys of a map. */
  key(...parts: Uint8Array[]): string;
  /** What an absent value stands for; undefined where it is optional. */
  fallback: Uint8Array | undefined;
}

/**
 * The item, if its keys and its value look in the live metadata as the caller decodes them.
 * @param layout `value`, or `key => value`, in the words of `layoutOf`.
 * @returns undefined where they do not, or where the item or one of its hashers is not known.
 */
export function rawItem(session: Session, pallet: string, item: string, layout: string): RawItem | undefined {
  const { api } = session;
  const entry = api.query[pallet]?.[item];
  if (!entry) return undefined;
  const { meta } = entry.creator;
  if (storageLayout(api.registry.lookup, meta.type) !== layout) return undefined;
  const prefix = Buffer.from(entry.keyPrefix().slice(2), 'hex');
  const fallback = meta.modifier.isOptional ? undefined : meta.fallback.toU8a(true);
  if (meta.type.isPlain) return { key: () => hexOf(prefix), fallback };
  const hash = meta.type.asMap.hashers.map(({ type }) => HASHERS[type]);
  if (hash.some((one) => one === undefined)) return undefined;
  return {
    key: (...parts) => hexOf(Buffer.concat([prefix, ...parts.map((part, at) => hash[at]!(part))])),
    fallback,
  };
}

const HASHERS: Readonly<Record<string, (key: Uint8Array) => Uint8Array>> = {
  Identity: (key) => key,
  Blake2_128Concat: (key) => Buffer.concat([blake2AsU8a(key, 128), key]),
  Twox64Concat: (key) => Buffer.concat([xxhashAsU8a(key, 64), key]),
};

/**
 * The values of many keys at one block, in order; undefined for what is absent. Throws what the socket throws,
 * TransientError `CHAIN_BAD_ANSWER` and BadInputError `CHAIN_UNEXPECTED_VALUE`.
 */
export async function readRaw(
  { socket }: Session,
  at: string,
  keys: readonly string[],
): Promise<(Uint8Array | undefined)[]> {
  const pages = Array.from({ length: Math.ceil(keys.length / KEYS_PER_REQUEST) }, (_, page) =>
    keys.slice(page * KEYS_PER_REQUEST, (page + 1) * KEYS_PER_REQUEST),
  );
  const values = await Promise.all(
    pages.map(async (page) => {
      const answer = await socket.request('state_queryStorageAt', [page, at]);
      return inOrder(page, parseValue(changesOf, answer, 'storage'));
    }),
  );
  return values.flat();
}

/** The values of the keys asked for; an endpoint may answer in another order than asked. */
function inOrder(asked: readonly string[], answer: z.output<typeof changesOf>): (Uint8Array | undefined)[] {
  const changes = answer.flatMap((one) => one.changes.map(changeOf));
  // The usual answer needs no index of long keys.
  if (changes.length === asked.length && changes.every(([key], nth) => key === asked[nth])) {
    return changes.map(([, value]) => bytesOf(value));
  }
  const found = new Map(changes);
  const missing = asked.filter((key) => !found.has(key)).length;
  if (missing > 0) {
    throw endpointFault(
      'CHAIN_BAD_ANSWER',
      `the endpoint answered ${missing} of ${asked.length} storage keys with nothing`,
    );
  }
  return asked.map((key) => bytesOf(found.get(key)));
}

function changeOf(change: unknown): [key: string, value: string | null] {
  if (Array.isArray(change) && change.length === 2) {
    const [key, value] = change as [unknown, unknown];
    if (typeof key === 'string' && (value === null || typeof value === 'string')) return [key, value];
  }
  return parseValue(z.never(), change, 'storage');
}

function bytesOf(value: string | null | undefined): Uint8Array | undefined {
  return value == null ? undefined : parseHex(value);
}

function parseHex(text: string): Uint8Array {
  const bytes = Buffer.from(text.slice(2), 'hex');
  // Buffer stops at the first thing that is no hex.
  if (!text.startsWith('0x') || bytes.length * 2 !== text.length - 2) parseValue(z.never(), text, 'storage value');
  return bytes;
}

function hexOf(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}
