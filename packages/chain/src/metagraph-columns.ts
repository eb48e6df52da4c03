import { z } from 'zod';
import { parseValue } from './chain-values.ts';
import { type Answered, type MetagraphColumns, READ } from './column-readers.ts';
import { compact, ScaleReader, u16 } from './scale-bytes.ts';
import type { Session } from './session.ts';
import { layoutOf, optionOf, type TypeLookup } from './storage-layout.ts';

const API = 'SubnetInfoRuntimeApi';
const METHOD = 'get_selective_metagraph';
/** Far above the 256 neurons of a subnet. */
const MAX_NEURONS = 4_096;
const ACCOUNT = '[u8;32]';
const AXON = '{block:u64,version:u32,ip:u128,port:u16,ip_type:u8,protocol:u8,placeholder1:u8,placeholder2:u8}';

/**
 * What these fields of the chain's `SelectiveMetagraph` (pallets/subtensor/src/rpc_info/metagraph.rs) must look like for
 * the decoding by hand here, in their order.
 */
export const COLUMN_LAYOUTS: Readonly<Record<Column, string>> = {
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
  alpha_stake: 'Vec<Compact<u64>>',
};
type Column = keyof MetagraphColumns;

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
 * @param before An earlier answer of the same subnet.
 * @returns undefined when there is no such subnet. Throws what the socket throws, also the endpoint's refusal to run the
 * call, and RangeError when the answer has another shape than the metadata tells.
 */
export async function readColumns(
  { socket }: Session,
  index: ColumnIndex,
  netuid: number,
  at: string,
  before?: MetagraphColumns,
): Promise<MetagraphColumns | undefined> {
  // The netuid is 0 unless it is asked for.
  const asked = [0, ...Object.values(index.at)];
  const input = Buffer.concat([u16(netuid), compact(asked.length), ...asked.map(u16)]);
  const answer = await socket.request('state_call', [`${API}_${METHOD}`, `0x${input.toString('hex')}`, at]);
  const bytes = Buffer.from(parseValue(z.string().startsWith('0x'), answer, 'metagraph').slice(2), 'hex');
  return decodeColumns(new ScaleReader(bytes), index, netuid, before);
}

function decodeColumns(
  reader: ScaleReader,
  { at, fields }: ColumnIndex,
  netuid: number,
  before: MetagraphColumns | undefined,
): MetagraphColumns | undefined {
  if (!reader.bool()) {
    reader.end();
    return undefined;
  }
  if (reader.compact() !== netuid) throw new RangeError('another subnet');
  const names = new Map(Object.entries(at).map(([column, index]) => [index, column as Column]));
  const found: Partial<Record<Column, Answered<unknown>>> = {};
  for (let field = 1; field < fields; field++) {
    const column = names.get(field);
    // What was not asked for is absent: so the numbers of the call are those of the fields.
    if (reader.bool() !== (column !== undefined)) throw new RangeError(`field ${field} was not answered as asked`);
    if (column) found[column] = readColumn(reader, READ[column] as (reader: ScaleReader) => unknown, before?.[column]);
  }
  reader.end();
  const columns = found as unknown as MetagraphColumns;
  const count = columns.hotkeys.value.length;
  if (count > MAX_NEURONS) throw new RangeError(`${count} neurons`);
  if (WHOLE_COLUMNS.some((column) => columns[column].value.length !== count)) {
    throw new RangeError('columns of different lengths');
  }
  return columns;
}

/** No value's bytes begin another value's, so that what begins like the column before is that column. */
function readColumn<T>(reader: ScaleReader, read: (reader: ScaleReader) => T, before?: Answered<T>): Answered<T> {
  if (before && reader.passOver(before.bytes)) return before;
  const from = reader.at;
  const value = read(reader);
  return { bytes: reader.since(from), value };
}

/** The others may be shorter, as rows that an epoch has not come to yet. */
const WHOLE_COLUMNS = ['coldkeys', 'axons', 'block_at_registration', 'alpha_stake'] as const;
