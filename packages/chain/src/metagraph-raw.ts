import { BadInputError } from '@tuning/kit';
import { peerKeyOf } from './axon.ts';
import type { MetagraphColumns } from './column-readers.ts';
import type { Metagraph, Neuron } from './metagraph.ts';
import { type ColumnIndex, columnIndex, readColumns } from './metagraph-columns.ts';
import { type RawItem, rawItem, readRaw } from './raw-storage.ts';
import { RpcError } from './rpc-socket.ts';
import { specVersionAt } from './runtime-version.ts';
import { ScaleReader, u16 } from './scale-bytes.ts';
import type { Session } from './session.ts';

const U16_MAX = 65_535;

/** What each item of SubtensorModule must look like, keys and value, for the decoding by hand here. */
export const LAYOUTS = {
  neuronCertificates: '(u16,[u8;32]) => {public_key:Vec<u8>,algorithm:u8}',
};
type Layouts = Record<keyof typeof LAYOUTS, RawItem> & { index: ColumnIndex };

/** Of a session: its metadata does not change. */
const layoutsOf = new WeakMap<Session, Layouts | 'unknown'>();

/**
 * As `readMetagraph`, mostly in one round of requests and with decoders for just these types: a subnet of 256 neurons takes
 * a millisecond where the general way takes a second. All comes by one runtime call, except for certificates: those of the
 * axons that were served since the last read come by storage.
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
  const known = lastReads.get(session)?.get(netuid);
  const version = specVersionAt(session, at);
  const asked = readColumns(session, layouts.index, netuid, at, known?.columns);
  await Promise.allSettled([version, asked]);
  // Another runtime's answer may not be readable at all.
  if ((await version) !== session.specVersion) return undefined;
  const columns = await asked;
  // The general way tells what block it is, and of a subnet that is not there no more than that.
  if (!columns) return undefined;
  const peerKeys = await peerKeysOf(layouts, session, netuid, at, columns, known);
  keep(session, netuid, { columns, peerKeys });
  return {
    netuid,
    block: { number: columns.block.value, hash: at },
    neurons: neuronsOf(
      columns,
      peerKeys.map(({ key }) => key),
    ),
  };
}

/** `peerKeys`: by uid. */
function neuronsOf(columns: MetagraphColumns, peerKeys: readonly (Uint8Array | undefined)[]): Neuron[] {
  const owner = columns.owner_hotkey.value.address;
  const [coldkeys, axons, stakes] = [columns.coldkeys.value, columns.axons.value, columns.alpha_stake.value];
  const [permits, updates, active] = [columns.validator_permit.value, columns.last_update.value, columns.active.value];
  const [incentives, registered] = [columns.incentives.value, columns.block_at_registration.value];
  return columns.hotkeys.value.map(({ address }, uid): Neuron => {
    const { axon } = axons[uid]!;
    return {
      uid,
      hotkey: address,
      coldkey: coldkeys[uid]!.address,
      axon: axon.port > 0 ? axon : undefined,
      peerKey: peerKeys[uid],
      validatorPermit: (permits[uid] ?? false) || address === owner,
      stake: stakes[uid]!,
      lastUpdate: updates[uid] ?? 0,
      active: active[uid] ?? false,
      incentive: (incentives[uid] ?? 0) / U16_MAX,
      registeredAt: registered[uid]!,
    };
  });
}

/**
 * The chain stores a certificate only with an axon (pallets/subtensor/src/subnets/serving.rs), and a read is of the state
 * after a whole block: the certificate of a hotkey is as it was, while its axon was served in the same block as it was.
 */
async function peerKeysOf(
  layouts: Layouts,
  session: Session,
  netuid: number,
  at: string,
  { hotkeys, axons }: MetagraphColumns,
  known: Known | undefined,
): Promise<readonly PeerKey[]> {
  if (known && hotkeys === known.columns.hotkeys && axons === known.columns.axons) return known.peerKeys;
  const before = new Map(known?.peerKeys.map((one) => [one.served, one]));
  const served = hotkeys.value.map(({ address }, uid) => `${axons.value[uid]!.servedAt} ${address}`);
  const missing = served.flatMap((one, uid) => (before.has(one) ? [] : [uid]));
  const certificates = await readRaw(
    session,
    at,
    missing.map((uid) => layouts.neuronCertificates.key(u16(netuid), hotkeys.value[uid]!.bytes)),
  );
  const found = new Map(missing.map((uid, nth) => [uid, certificateKey(certificates[nth])]));
  return served.map((one, uid) => before.get(one) ?? { served: one, key: found.get(uid) });
}

interface PeerKey {
  /** The block in which the axon was served, and its hotkey. */
  served: string;
  key: Uint8Array | undefined;
}

/** What is known of a subnet from the last read. */
interface Known {
  columns: MetagraphColumns;
  /** By uid. */
  peerKeys: readonly PeerKey[];
}

/** By session and subnet; a full subnet takes some 150 KiB. */
const lastReads = new WeakMap<Session, Map<number, Known>>();
const MAX_SUBNETS = 16;

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
