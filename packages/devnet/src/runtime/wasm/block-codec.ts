import { BadInputError } from '@tuning/kit';
import { fromHex, ScaleReader, ScaleWriter, toHex } from '../../scale/bytes.ts';
import type { BlockInfo, Seal } from '../runtime.ts';
import type { Slot } from './chain-clock.ts';
import { lengthPrefix } from './guest-memory.ts';

const ZERO_HASH = new Uint8Array(32);
/** sp_runtime::generic::DigestItem */
const DIGEST = { other: 0, consensus: 4, seal: 5, preRuntime: 6, environmentUpdated: 8 };
const AURA_ENGINE = 'aura';

/** The header with which a block begins: roots unknown, and one pre-runtime digest item that names Aura's slot. */
export function newHeader({ number, parentHash }: BlockInfo, slot: Slot): Uint8Array {
  return new ScaleWriter()
    .raw(fromHex(parentHash))
    .compact(number)
    .raw(ZERO_HASH)
    .raw(ZERO_HASH)
    .compact(1)
    .u8(DIGEST.preRuntime)
    .raw(Buffer.from(AURA_ENGINE))
    .bytes(new ScaleWriter().uint(slot.number, 8).finish())
    .finish();
}

/** Roots and digest of a finished header (sp_runtime::generic::Header). BadInputError SCALE_INVALID. */
export function sealOf(header: Uint8Array): Seal {
  const reader = new ScaleReader(header);
  reader.raw(32);
  reader.compact();
  const stateRoot = toHex(reader.raw(32));
  const extrinsicsRoot = toHex(reader.raw(32));
  const logs = Array.from({ length: reader.length() }, () => {
    const start = reader.offset;
    skipDigestItem(reader);
    return toHex(header.slice(start, reader.offset));
  });
  return { stateRoot, extrinsicsRoot, logs };
}

function skipDigestItem(reader: ScaleReader): void {
  const kind = reader.u8();
  if (kind === DIGEST.environmentUpdated) return;
  if (kind === DIGEST.consensus || kind === DIGEST.seal || kind === DIGEST.preRuntime) reader.raw(4);
  else if (kind !== DIGEST.other) throw new BadInputError('SCALE_INVALID', `digest item of unknown kind ${kind}`);
  reader.bytes();
}

/** sp_inherents::InherentData: identifiers in order, each with its encoded value. */
export function inherentData(slot: Slot): Uint8Array {
  const u64 = (value: bigint) => new ScaleWriter().uint(value, 8).finish();
  return new ScaleWriter()
    .compact(2)
    .raw(Buffer.from('auraslot'))
    .bytes(u64(slot.number))
    .raw(Buffer.from('timstap0'))
    .bytes(u64(slot.startMs))
    .finish();
}

/** Vec<Extrinsic>, each with the length prefix that belongs to it. */
export function extrinsicList(bytes: Uint8Array): Uint8Array[] {
  const reader = new ScaleReader(bytes);
  return Array.from({ length: reader.length() }, () => {
    const body = reader.bytes();
    return new Uint8Array(Buffer.concat([lengthPrefix(body.length), body]));
  });
}
