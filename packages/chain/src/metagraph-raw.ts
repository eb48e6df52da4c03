import { encodeAddress } from '@polkadot/util-crypto';
import { BadInputError } from '@tuning/kit';
import { z } from 'zod';
import { type Axon, peerKeyOf } from './axon.ts';
import { parseValue } from './chain-values.ts';
import { formatIp } from './ip-address.ts';
import type { Metagraph, Neuron } from './metagraph.ts';
import { type RawItem, rawItem, readRaw } from './raw-storage.ts';
import { ScaleReader, u16 } from './scale-bytes.ts';
import type { Session } from './session.ts';

const SS58_PREFIX = 42;
const U16_MAX = 65_535;
/** Far above the 256 neurons of a subnet. */
const MAX_NEURONS = 4_096;

const ACCOUNT_BYTES = 32;
const ACCOUNT = `[u8;${ACCOUNT_BYTES}]`;
const AXON = '{block:u64,version:u32,ip:u128,port:u16,ip_type:u8,protocol:u8,placeholder1:u8,placeholder2:u8}';
/** What each item of SubtensorModule must look like, keys and value, for the decoding by hand here. */
export const LAYOUTS = {
  subnetworkN: 'u16 => u16',
  subnetOwnerHotkey: `u16 => ${ACCOUNT}`,
  validatorPermit: 'u16 => Vec<bool>',
  lastUpdate: 'u16 => Vec<u64>',
  active: 'u16 => Vec<bool>',
  incentive: 'u16 => Vec<u16>',
  keys: `(u16,u16) => ${ACCOUNT}`,
  blockAtRegistration: '(u16,u16) => u64',
  axons: `(u16,${ACCOUNT}) => ${AXON}`,
  neuronCertificates: `(u16,${ACCOUNT}) => {public_key:Vec<u8>,algorithm:u8}`,
  owner: `${ACCOUNT} => ${ACCOUNT}`,
  totalHotkeyAlpha: `(${ACCOUNT},u16) => u64`,
};
type Items = Record<keyof typeof LAYOUTS | 'number', RawItem>;

/** Of a session: its metadata does not change. */
const itemsOf = new WeakMap<Session, Items | 'unknown'>();
const runtimeVersion = z.object({ specVersion: z.number().int() });

/**
 * As `readMetagraph`, mostly in one round of requests and with decoders for just these types: a subnet of 256 neurons takes
 * milliseconds where the general way takes a second.
 * @returns undefined where the runtime's layouts are others, or the block's runtime is not the session's.
 */
export async function readMetagraphRaw(session: Session, netuid: number, at: string): Promise<Metagraph | undefined> {
  const items = knownItems(session);
  if (!items) return undefined;
  try {
    return await readWith(items, session, netuid, at);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BadInputError(
      'CHAIN_UNEXPECTED_VALUE',
      `the metagraph of subnet ${netuid} does not have the shape that the metadata of ${session.socket.endpoint} tells (${error.message}): use another endpoint`,
    );
  }
}

/** What is read of a subnet whose hotkeys are these, by uid; undefined where a uid has none. */
interface Guess {
  hotkeys: readonly (Uint8Array | undefined)[];
  keys: readonly string[];
}

const COLUMNS = ['subnetworkN', 'subnetOwnerHotkey', 'validatorPermit', 'lastUpdate', 'active', 'incentive'] as const;
const BY_UID = ['keys', 'blockAtRegistration'] as const;
const BY_HOTKEY = ['axons', 'neuronCertificates', 'owner', 'totalHotkeyAlpha'] as const;

async function readWith(items: Items, session: Session, netuid: number, at: string): Promise<Metagraph | undefined> {
  const version = session.socket.request('state_getRuntimeVersion', [at]);
  version.catch(() => {});
  // All is asked for at once, for the hotkeys of the last time: mostly they are the same, and one round does.
  let guess = lastGuess(session, netuid) ?? guessOf(items, netuid, []);
  let rows = await readRaw(session, at, guess.keys);
  const same = parseValue(runtimeVersion, await version, 'runtime version').specVersion === session.specVersion;
  if (!same) return undefined;
  const count = new ScaleReader(rows[1] ?? items.subnetworkN.fallback ?? new Uint8Array()).u16();
  if (count > MAX_NEURONS) parseValue(z.never(), count, 'number of neurons');
  const found =
    count === guess.hotkeys.length
      ? rows.slice(1 + COLUMNS.length, 1 + COLUMNS.length + count)
      : await readRaw(
          session,
          at,
          uidsTo(count).map((uid) => items.keys.key(u16(netuid), u16(uid))),
        );
  if (!sameKeys(found, guess.hotkeys)) {
    const hotkeys = found.map((row) => row && new ScaleReader(row).take(ACCOUNT_BYTES));
    guess = guessOf(items, netuid, hotkeys);
    rows = await readRaw(session, at, guess.keys);
  }
  keepGuess(session, netuid, guess);
  const number = new ScaleReader(rows[0] ?? new Uint8Array(4)).u32();
  return { netuid, block: { number, hash: at }, neurons: neuronsOf(items, guess.hotkeys, rows) };
}

function guessOf(items: Items, netuid: number, hotkeys: readonly (Uint8Array | undefined)[]): Guess {
  const subnet = u16(netuid);
  const held = hotkeys.filter((hotkey) => hotkey !== undefined);
  const key = {
    axons: (hotkey: Uint8Array) => items.axons.key(subnet, hotkey),
    neuronCertificates: (hotkey: Uint8Array) => items.neuronCertificates.key(subnet, hotkey),
    owner: (hotkey: Uint8Array) => items.owner.key(hotkey),
    totalHotkeyAlpha: (hotkey: Uint8Array) => items.totalHotkeyAlpha.key(hotkey, subnet),
  };
  return {
    hotkeys,
    keys: [
      items.number.key(),
      ...COLUMNS.map((item) => items[item].key(subnet)),
      ...BY_UID.flatMap((item) => uidsTo(hotkeys.length).map((uid) => items[item].key(subnet, u16(uid)))),
      ...BY_HOTKEY.flatMap((item) => held.map((hotkey) => key[item](hotkey))),
    ],
  };
}

/** `rows`: the values of a guess's keys, in their order. */
function neuronsOf(
  items: Items,
  hotkeys: readonly (Uint8Array | undefined)[],
  rows: readonly (Uint8Array | undefined)[],
): Neuron[] {
  const column = (item: (typeof COLUMNS)[number]) =>
    new ScaleReader(rows[1 + COLUMNS.indexOf(item)] ?? items[item].fallback ?? new Uint8Array());
  const owner = addressOf(column('subnetOwnerHotkey').take(ACCOUNT_BYTES));
  const permits = column('validatorPermit').list((reader) => reader.bool());
  const updates = column('lastUpdate').list((reader) => Number(reader.u64()));
  const active = column('active').list((reader) => reader.bool());
  const incentives = column('incentive').list((reader) => reader.u16());
  const registrations = 1 + COLUMNS.length + hotkeys.length;
  const perHotkey = registrations + hotkeys.length;
  const required = (item: 'blockAtRegistration' | 'owner' | 'totalHotkeyAlpha', row: Uint8Array | undefined) =>
    new ScaleReader(row ?? items[item].fallback ?? new Uint8Array());
  const uids = uidsTo(hotkeys.length).filter((uid) => hotkeys[uid] !== undefined);
  return uids.map((uid, nth): Neuron => {
    const hotkey = addressOf(hotkeys[uid]!);
    const [axon, certificate, coldkey, alpha] = BY_HOTKEY.map((_, item) => rows[perHotkey + item * uids.length + nth]);
    const served = axon && odd(() => axonOf(new ScaleReader(axon)));
    return {
      uid,
      hotkey,
      coldkey: addressOf(required('owner', coldkey).take(ACCOUNT_BYTES)),
      axon: served && served.port > 0 ? served : undefined,
      peerKey: certificate && odd(() => peerKeyOf(certificateOf(new ScaleReader(certificate)))),
      validatorPermit: (permits[uid] ?? false) || hotkey === owner,
      stake: required('totalHotkeyAlpha', alpha).u64(),
      lastUpdate: updates[uid] ?? 0,
      active: active[uid] ?? false,
      incentive: (incentives[uid] ?? 0) / U16_MAX,
      registeredAt: Number(required('blockAtRegistration', rows[registrations + uid]).u64()),
    };
  });
}

function uidsTo(count: number): number[] {
  return Array.from({ length: count }, (_, uid) => uid);
}

function sameKeys(rows: readonly (Uint8Array | undefined)[], hotkeys: readonly (Uint8Array | undefined)[]): boolean {
  const same = (row: Uint8Array | undefined, hotkey: Uint8Array | undefined) =>
    row === hotkey || (row !== undefined && hotkey !== undefined && Buffer.compare(row, hotkey) === 0);
  return rows.length === hotkeys.length && rows.every((row, uid) => same(row, hotkeys[uid]));
}

/** By session and subnet; the keys of a full subnet take some 250 KiB. */
const guesses = new WeakMap<Session, Map<number, Guess>>();
const MAX_GUESSES = 16;

function lastGuess(session: Session, netuid: number): Guess | undefined {
  return guesses.get(session)?.get(netuid);
}

function keepGuess(session: Session, netuid: number, guess: Guess): void {
  const known = guesses.get(session) ?? new Map<number, Guess>();
  if (known.size >= MAX_GUESSES && !known.has(netuid)) known.clear();
  guesses.set(session, known.set(netuid, guess));
}

function knownItems(session: Session): Items | undefined {
  let items = itemsOf.get(session);
  if (items === undefined) {
    const found = Object.entries(LAYOUTS).map(
      ([item, layout]) => [item, rawItem(session, 'subtensorModule', item, layout)] as const,
    );
    const all = [...found, ['number', rawItem(session, 'system', 'number', 'u32')] as const];
    items = all.every(([, item]) => item !== undefined) ? (Object.fromEntries(all) as unknown as Items) : 'unknown';
    itemsOf.set(session, items);
  }
  return items === 'unknown' ? undefined : items;
}

function axonOf(reader: ScaleReader): Axon {
  reader.u64();
  const version = reader.u32();
  const ip = reader.u128();
  const port = reader.u16();
  const type = reader.u8();
  const [protocol, placeholder1, placeholder2] = [reader.u8(), reader.u8(), reader.u8()];
  return { ip: formatIp({ ip, type }), version, port, protocol, placeholder1, placeholder2 };
}

function certificateOf(reader: ScaleReader): Uint8Array {
  const key = reader.take(reader.compact());
  return Uint8Array.from([reader.u8(), ...key]);
}

/** One neuron's odd row must not hide the others: it counts as not serving. */
function odd<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** SS58 takes a hash and a base conversion for each; the same hotkeys come again with every read. */
const addresses = new Map<string, string>();
const MAX_ADDRESSES = 16_384;

function addressOf(key: Uint8Array): string {
  const bytes = Buffer.from(key).toString('latin1');
  const known = addresses.get(bytes);
  if (known !== undefined) return known;
  const address = encodeAddress(key, SS58_PREFIX);
  if (addresses.size >= MAX_ADDRESSES) addresses.clear();
  addresses.set(bytes, address);
  return address;
}
