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
 * As `readMetagraph`, in three rounds of requests and with decoders for just these types: a subnet of 256 neurons takes
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

async function readWith(items: Items, session: Session, netuid: number, at: string): Promise<Metagraph | undefined> {
  const subnet = u16(netuid);
  const columns = ['subnetworkN', 'subnetOwnerHotkey', 'validatorPermit', 'lastUpdate', 'active', 'incentive'] as const;
  const [version, [number, ...head]] = await Promise.all([
    session.socket.request('state_getRuntimeVersion', [at]),
    readRaw(session, at, [items.number.key(), ...columns.map((item) => items[item].key(subnet))]),
  ]);
  if (parseValue(runtimeVersion, version, 'runtime version').specVersion !== session.specVersion) return undefined;
  const column = (item: (typeof columns)[number]) =>
    new ScaleReader(head[columns.indexOf(item)] ?? items[item].fallback ?? new Uint8Array());
  const count = column('subnetworkN').u16();
  if (count > MAX_NEURONS) parseValue(z.never(), count, 'number of neurons');
  const owner = column('subnetOwnerHotkey').take(ACCOUNT_BYTES);
  const permits = column('validatorPermit').list((reader) => reader.bool());
  const updates = column('lastUpdate').list((reader) => Number(reader.u64()));
  const active = column('active').list((reader) => reader.bool());
  const incentives = column('incentive').list((reader) => reader.u16());

  const all = Array.from({ length: count }, (_, uid) => uid);
  const rows = await readRaw(session, at, [
    ...all.map((uid) => items.keys.key(subnet, u16(uid))),
    ...all.map((uid) => items.blockAtRegistration.key(subnet, u16(uid))),
  ]);
  const uids = all.filter((uid) => rows[uid] !== undefined);
  const keys = uids.map((uid) => new ScaleReader(rows[uid]!).take(ACCOUNT_BYTES));
  const byHotkey = await readRaw(session, at, [
    ...keys.map((key) => items.axons.key(subnet, key)),
    ...keys.map((key) => items.neuronCertificates.key(subnet, key)),
    ...keys.map((key) => items.owner.key(key)),
    ...keys.map((key) => items.totalHotkeyAlpha.key(key, subnet)),
  ]);
  const required = (item: 'blockAtRegistration' | 'owner' | 'totalHotkeyAlpha', row: Uint8Array | undefined) =>
    new ScaleReader(row ?? items[item].fallback ?? new Uint8Array());
  const ownerHotkey = addressOf(owner);
  const neurons = uids.map((uid, row): Neuron => {
    const hotkey = addressOf(keys[row]!);
    const [axon, certificate, coldkey, alpha] = [0, 1, 2, 3].map((item) => byHotkey[item * uids.length + row]);
    const served = axon && odd(() => axonOf(new ScaleReader(axon)));
    return {
      uid,
      hotkey,
      coldkey: addressOf(required('owner', coldkey).take(ACCOUNT_BYTES)),
      axon: served && served.port > 0 ? served : undefined,
      peerKey: certificate && odd(() => peerKeyOf(certificateOf(new ScaleReader(certificate)))),
      validatorPermit: (permits[uid] ?? false) || hotkey === ownerHotkey,
      stake: required('totalHotkeyAlpha', alpha).u64(),
      lastUpdate: updates[uid] ?? 0,
      active: active[uid] ?? false,
      incentive: (incentives[uid] ?? 0) / U16_MAX,
      registeredAt: Number(required('blockAtRegistration', rows[count + uid]).u64()),
    };
  });
  return { netuid, block: { number: new ScaleReader(number ?? new Uint8Array(4)).u32(), hash: at }, neurons };
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
  const key = reader.list((one) => one.u8());
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
