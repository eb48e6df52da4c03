import { z } from 'zod';
import type { Axon } from './axon.ts';
import { parseValue } from './chain-values.ts';
import { formatIp } from './ip-address.ts';
import { compact, ScaleReader, u16 } from './scale-bytes.ts';
import type { Session } from './session.ts';
import { layoutOf, optionOf, type TypeLookup } from './storage-layout.ts';

const API = 'SubnetInfoRuntimeApi';
const METHOD = 'get_selective_metagraph';
/** Far above the 256 neurons of a subnet. */
const MAX_NEURONS = 4_096;
const ACCOUNT_BYTES = 32;
const ACCOUNT = `[u8;${ACCOUNT_BYTES}]`;
const AXON = '{block:u64,version:u32,ip:u128,port:u16,ip_type:u8,protocol:u8,placeholder1:u8,placeholder2:u8}';

/**
 * What these fields of the chain's `SelectiveMetagraph` (pallets/subtensor/src/rpc_info/metagraph.rs) must look like for
 * the decoding by hand here, in their order.
 */
export const COLUMN_LAYOUTS = {
  owner_hotkey: ACCOUNT,
  block: 'Compact<u64>',
  hotkeys: `Vec<${ACCOUNT}>`,
  coldkeys: `Vec<${ACCOUNT}>`,
  axons: `Vec<${AXON}>`,
  active: 'Vec<bool>',
  validator_permit: 'Vec<bool>',
  last_update: 'Vec<Compact<u64>>',
  incentives: 'Vec<Compact<u16>>',
  block_at_registration: 'Vec<Compact<u64>>',
};
type Column = keyof typeof COLUMN_LAYOUTS;

/** The columns of a subnet at one block, each by uid. */
export interface MetagraphColumns {
  ownerHotkey: Uint8Array;
  block: number;
  hotkeys: Buffer[];
  coldkeys: Buffer[];
  /** `servedAt`: the block in which it was served last, 0 for never. */
  axons: { servedAt: number; axon: Axon }[];
  active: boolean[];
  validatorPermit: boolean[];
  lastUpdate: number[];
  incentives: number[];
  blockAtRegistration: number[];
}

/** The positions of our columns, as the call numbers them, and how many fields there are. */
export interface ColumnIndex {
  at: Readonly<Record<Column, number>>;
  fields: number;
}

type Metadata = Pick<Session['api']['runtimeMetadata'], 'asLatest'>;

/** @returns undefined where a runtime has no such call, or one of another shape. */
export function columnIndex(metadata: Metadata, lookup: TypeLookup): ColumnIndex | undefined {
  const api = metadata.asLatest.apis.find(({ name }) => name.toString() === API);
  const method = api?.methods.find(({ name }) => name.toString() === METHOD);
  const type = method && optionOf(lookup, method.output);
  const inputs = method?.inputs.map((input) => layoutOf(lookup, input.type)).join();
  if (!type || inputs !== 'u16,Vec<u16>' || !lookup.getSiType(type).def.isComposite) return undefined;
  const { fields } = lookup.getSiType(type).def.asComposite;
  const names = fields.map(({ name }) => name.unwrapOrDefault().toString());
  if (names[0] !== 'netuid' || layoutOf(lookup, fields[0]!.type) !== 'Compact<u16>') return undefined;
  const at = Object.entries(COLUMN_LAYOUTS).map(([column, layout]) => {
    const index = names.indexOf(column);
    const value = index < 0 ? undefined : optionOf(lookup, fields[index]!.type);
    return [column, value && layoutOf(lookup, value) === layout ? index : -1] as const;
  });
  // The answer is read front to back.
  if (at.some(([, index], nth) => index <= (at[nth - 1]?.[1] ?? 0))) return undefined;
  return { at: Object.fromEntries(at) as Record<Column, number>, fields: fields.length };
}

/**
 * @returns undefined when there is no such subnet. Throws what the socket throws, also the endpoint's refusal to run the
 * call, and RangeError when the answer has another shape than the metadata tells.
 */
export async function readColumns(
  { socket }: Session,
  index: ColumnIndex,
  netuid: number,
  at: string,
): Promise<MetagraphColumns | undefined> {
  // The netuid is 0 unless it is asked for.
  const asked = [0, ...Object.values(index.at)];
  const input = Buffer.concat([u16(netuid), compact(asked.length), ...asked.map(u16)]);
  const answer = await socket.request('state_call', [`${API}_${METHOD}`, `0x${input.toString('hex')}`, at]);
  const bytes = Buffer.from(parseValue(z.string().startsWith('0x'), answer, 'metagraph').slice(2), 'hex');
  return decodeColumns(new ScaleReader(bytes), index, netuid);
}

function decodeColumns(reader: ScaleReader, { at, fields }: ColumnIndex, netuid: number): MetagraphColumns | undefined {
  if (!reader.bool()) {
    reader.end();
    return undefined;
  }
  if (reader.compact() !== netuid) throw new RangeError('another subnet');
  const names = new Map(Object.entries(at).map(([column, index]) => [index, column as Column]));
  const found: Partial<Record<Column, unknown>> = {};
  for (let field = 1; field < fields; field++) {
    const column = names.get(field);
    // What was not asked for is absent: so the numbers of the call are those of the fields.
    if (reader.bool() !== (column !== undefined)) throw new RangeError(`field ${field} was not answered as asked`);
    if (column) found[column] = READ[column](reader);
  }
  reader.end();
  const columns = Object.fromEntries(
    Object.entries(found).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
      value,
    ]),
  ) as unknown as MetagraphColumns;
  const { hotkeys, coldkeys, axons, blockAtRegistration } = columns;
  const count = hotkeys.length;
  if (count > MAX_NEURONS) throw new RangeError(`${count} neurons`);
  if ([coldkeys, axons, blockAtRegistration].some(({ length }) => length !== count)) {
    throw new RangeError('columns of different lengths');
  }
  return columns;
}

const account = (reader: ScaleReader) => reader.take(ACCOUNT_BYTES);
const block = (reader: ScaleReader) => Number(reader.compactU64());
const share = (reader: ScaleReader) => {
  const value = reader.compact();
  if (value > 0xffff) throw new RangeError(`an incentive of ${value}`);
  return value;
};
const READ: Readonly<Record<Column, (reader: ScaleReader) => unknown>> = {
  owner_hotkey: account,
  block,
  hotkeys: (reader) => reader.list(account),
  coldkeys: (reader) => reader.list(account),
  axons: (reader) => reader.list(axonOf),
  active: (reader) => reader.list((one) => one.bool()),
  validator_permit: (reader) => reader.list((one) => one.bool()),
  last_update: (reader) => reader.list(block),
  incentives: (reader) => reader.list(share),
  block_at_registration: (reader) => reader.list(block),
};

function axonOf(reader: ScaleReader): { servedAt: number; axon: Axon } {
  const servedAt = Number(reader.u64());
  const version = reader.u32();
  const ip = reader.u128();
  const port = reader.u16();
  const type = reader.u8();
  const [protocol, placeholder1, placeholder2] = [reader.u8(), reader.u8(), reader.u8()];
  return { servedAt, axon: { ip: formatIp({ ip, type }), version, port, protocol, placeholder1, placeholder2 } };
}
