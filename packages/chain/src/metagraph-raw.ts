import { encodeAddress } from '@polkadot/util-crypto';
import { BadInputError } from '@tuning/kit';
import { z } from 'zod';
import { peerKeyOf } from './axon.ts';
import { parseValue } from './chain-values.ts';
import type { Metagraph, Neuron } from './metagraph.ts';
import { type ColumnIndex, columnIndex, type MetagraphColumns, readColumns } from './metagraph-columns.ts';
import { type RawItem, rawItem, readRaw } from './raw-storage.ts';
import { RpcError } from './rpc-socket.ts';
import { ScaleReader, u16 } from './scale-bytes.ts';
import type { Session } from './session.ts';

const SS58_PREFIX = 42;
const U16_MAX = 65_535;

/** What each item of SubtensorModule must look like, keys and value, for the decoding by hand here. */
export const LAYOUTS = {
  neuronCertificates: '(u16,[u8;32]) => {public_key:Vec<u8>,algorithm:u8}',
  totalHotkeyAlpha: '([u8;32],u16) => u64',
};
type Layouts = Record<keyof typeof LAYOUTS, RawItem> & { index: ColumnIndex };

/** Of a session: its metadata does not change. */
const layoutsOf = new WeakMap<Session, Layouts | 'unknown'>();
const runtimeVersion = z.object({ specVersion: z.number().int() });

/**
 * As `readMetagraph`, mostly in one round of requests and with decoders for just these types: a subnet of 256 neurons takes
 * milliseconds where the general way takes a second. The columns come by one runtime call; what that leaves out by storage:
 * the stake of each hotkey, and certificates of the axons that were served since the last read.
 * @param at Hash of a finalised block.
 * @returns undefined where the runtime's layouts are others, the block's runtime is not the session's, or the endpoint
 * does not run the call.
 */
export async function readMetagraphRaw(session: Session, netuid: number, at: string): Promise<Metagraph | undefined> {
  const layouts = knownLayouts(session);
  if (!layouts) return undefined;
  try {
    return await readWith(layouts, session, netuid, at);
  } catch (error) {
    if (error instanceof RpcError) return undefined;
    if (!(error instanceof RangeError)) throw error;
    throw new BadInputError(
      'CHAIN_UNEXPECTED_VALUE',
      `the metagraph of subnet ${netuid} does not have the shape that the metadata of ${session.socket.endpoint} tells (${error.message}): use another endpoint`,
    );
  }
}

async function readWith(
  layouts: Layouts,
  session: Session,
  netuid: number,
  at: string,
): Promise<Metagraph | undefined> {
  const known = knownOf(session, netuid);
  // All is asked for at once, for the hotkeys of the last time: mostly they are the same, and one round does.
  const [version, columns, lastStakes] = await settled([
    session.socket.request('state_getRuntimeVersion', [at]),
    readColumns(session, layouts.index, netuid, at),
    readRaw(session, at, known.stakeKeys),
  ]);
  if (parseValue(runtimeVersion, version, 'runtime version').specVersion !== session.specVersion) return undefined;
  // The general way tells what block it is, and of a subnet that is not there no more than that.
  if (!columns) return undefined;
  const { hotkeys, axons } = columns;
  const same = hotkeys.length === known.hotkeys.length && hotkeys.every((key, uid) => key.equals(known.hotkeys[uid]!));
  const served = hotkeys.map((key, uid) => `${axons[uid]!.servedAt} ${key.toString('latin1')}`);
  const missing = served.flatMap((one, uid) => (known.peerKeys.has(one) ? [] : [uid]));
  const stakeKeys = same ? known.stakeKeys : hotkeys.map((key) => layouts.totalHotkeyAlpha.key(key, u16(netuid)));
  const [stakes, certificates] = await settled([
    same ? lastStakes : readRaw(session, at, stakeKeys),
    readRaw(
      session,
      at,
      missing.map((uid) => layouts.neuronCertificates.key(u16(netuid), hotkeys[uid]!)),
    ),
  ]);
  for (const [nth, uid] of missing.entries()) known.peerKeys.set(served[uid]!, certificateKey(certificates[nth]));
  const peerKeys = new Map(served.map((one) => [one, known.peerKeys.get(one)]));
  keep(session, netuid, { hotkeys, stakeKeys, peerKeys });
  return {
    netuid,
    block: { number: columns.block, hash: at },
    neurons: neuronsOf(columns, {
      stakes: stakes.map((row) => new ScaleReader(row ?? layouts.totalHotkeyAlpha.fallback ?? new Uint8Array()).u64()),
      peerKeys: served.map((one) => peerKeys.get(one)),
    }),
  };
}

/** `rest`: by uid. */
function neuronsOf(
  columns: MetagraphColumns,
  rest: { stakes: readonly bigint[]; peerKeys: readonly (Uint8Array | undefined)[] },
): Neuron[] {
  const { ownerHotkey, hotkeys } = columns;
  return hotkeys.map((key, uid): Neuron => {
    const { axon } = columns.axons[uid]!;
    return {
      uid,
      hotkey: addressOf(key),
      coldkey: addressOf(columns.coldkeys[uid]!),
      axon: axon.port > 0 ? axon : undefined,
      peerKey: rest.peerKeys[uid],
      validatorPermit: (columns.validatorPermit[uid] ?? false) || key.equals(ownerHotkey),
      stake: rest.stakes[uid]!,
      lastUpdate: columns.lastUpdate[uid] ?? 0,
      active: columns.active[uid] ?? false,
      incentive: (columns.incentives[uid] ?? 0) / U16_MAX,
      registeredAt: columns.blockAtRegistration[uid]!,
    };
  });
}

/** As Promise.all, but no promise is left behind to fail later on. */
async function settled<T extends readonly unknown[]>(all: T): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  await Promise.allSettled(all);
  return Promise.all(all) as Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }>;
}

/** What is known of a subnet from the last read. */
interface Known {
  hotkeys: readonly Buffer[];
  stakeKeys: readonly string[];
  /**
   * By the block in which the axon was served, and its hotkey: the chain stores a certificate only with an axon
   * (pallets/subtensor/src/subnets/serving.rs), and a read is of the state after a whole block.
   */
  peerKeys: Map<string, Uint8Array | undefined>;
}

/** By session and subnet; a full subnet takes some 150 KiB. */
const lastReads = new WeakMap<Session, Map<number, Known>>();
const MAX_SUBNETS = 16;

function knownOf(session: Session, netuid: number): Known {
  return lastReads.get(session)?.get(netuid) ?? { hotkeys: [], stakeKeys: [], peerKeys: new Map() };
}

function keep(session: Session, netuid: number, read: Known): void {
  const known = lastReads.get(session) ?? new Map<number, Known>();
  if (known.size >= MAX_SUBNETS && !known.has(netuid)) known.clear();
  lastReads.set(session, known.set(netuid, read));
}

function knownLayouts(session: Session): Layouts | undefined {
  let known = layoutsOf.get(session);
  if (known === undefined) {
    const { api } = session;
    const index = columnIndex(api.runtimeMetadata, api.registry.lookup);
    const items = Object.entries(LAYOUTS).map(
      ([item, layout]) => [item, rawItem(session, 'subtensorModule', item, layout)] as const,
    );
    const all = index !== undefined && items.every(([, item]) => item !== undefined);
    known = all ? ({ ...Object.fromEntries(items), index } as Layouts) : 'unknown';
    layoutsOf.set(session, known);
  }
  return known === 'unknown' ? undefined : known;
}

/** One neuron's odd row must not hide the others: it counts as having no key. */
function certificateKey(row: Uint8Array | undefined): Uint8Array | undefined {
  if (!row) return undefined;
  try {
    const reader = new ScaleReader(row);
    const key = reader.take(reader.compact());
    return peerKeyOf(Uint8Array.from([reader.u8(), ...key]));
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
