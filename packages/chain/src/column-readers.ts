import { encodeAddress } from '@polkadot/util-crypto';
import type { Axon } from './axon.ts';
import { formatIp } from './ip-address.ts';
import type { ScaleReader } from './scale-bytes.ts';

const SS58_PREFIX = 42;
const ACCOUNT_BYTES = 32;

/** A column as it was answered, and what it means. */
export interface Answered<T> {
  bytes: Buffer;
  value: T;
}

interface Account {
  bytes: Buffer;
  /** SS58. */
  address: string;
}

/** `servedAt`: the block in which it was served last, 0 for never. */
interface ServedAxon {
  servedAt: number;
  axon: Axon;
}

/**
 * The columns of a subnet at one block, each by uid. A column that is as it was in the answer before is the same object, and
 * not decoded again: most blocks change nothing of most columns.
 */
export interface MetagraphColumns {
  owner_hotkey: Answered<Account>;
  block: Answered<number>;
  hotkeys: Answered<Account[]>;
  coldkeys: Answered<Account[]>;
  axons: Answered<ServedAxon[]>;
  active: Answered<boolean[]>;
  validator_permit: Answered<boolean[]>;
  last_update: Answered<number[]>;
  incentives: Answered<number[]>;
  block_at_registration: Answered<number[]>;
  alpha_stake: Answered<bigint[]>;
}

const account = (reader: ScaleReader): Account => {
  const bytes = reader.take(ACCOUNT_BYTES);
  return { bytes, address: addressOf(bytes) };
};
const block = (reader: ScaleReader) => Number(reader.compactU64());
const share = (reader: ScaleReader) => {
  const value = reader.compact();
  if (value > 0xffff) throw new RangeError(`an incentive of ${value}`);
  return value;
};
/** How each column is read. Throws RangeError where the bytes are no such column. */
export const READ: { readonly [C in keyof MetagraphColumns]: (reader: ScaleReader) => MetagraphColumns[C]['value'] } = {
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
  alpha_stake: (reader) => reader.list((one) => one.compactU64()),
};

function axonOf(reader: ScaleReader): ServedAxon {
  const servedAt = Number(reader.u64());
  const version = reader.u32();
  const ip = reader.u128();
  const port = reader.u16();
  const type = reader.u8();
  const [protocol, placeholder1, placeholder2] = [reader.u8(), reader.u8(), reader.u8()];
  return { servedAt, axon: { ip: formatIp({ ip, type }), version, port, protocol, placeholder1, placeholder2 } };
}

/** SS58 takes a hash and a base conversion for each; the same accounts come again with every read. */
const addresses = new Map<string, string>();
const MAX_ADDRESSES = 16_384;

function addressOf(key: Buffer): string {
  const bytes = key.toString('latin1');
  const known = addresses.get(bytes);
  if (known !== undefined) return known;
  const address = encodeAddress(key, SS58_PREFIX);
  if (addresses.size >= MAX_ADDRESSES) addresses.clear();
  addresses.set(bytes, address);
  return address;
}
