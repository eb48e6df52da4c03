import { blake2AsU8a, decodeAddress, encodeAddress } from '@polkadot/util-crypto';
import { BadInputError } from '@tuning/kit';
import { compact, ScaleReader, u16, u16Vec, u64 } from '../scale-bytes.ts';

const SS58_PREFIX = 42;
const ACCOUNT_BYTES = 32;

/** Weights as they are sealed: u16, uid by uid. */
export interface WeightsPayload {
  /** SS58; undefined in the older form, the only one that spec 293 takes. */
  hotkey: string | undefined;
  uids: number[];
  values: number[];
  versionKey: bigint;
}

/**
 * SCALE of the runtime's WeightsTlockPayload, or LegacyWeightsTlockPayload when there is no hotkey
 * (opentensor/subtensor pallets/subtensor/src/coinbase/reveal_commits.rs).
 */
export function encodeWeightsPayload({ hotkey, uids, values, versionKey }: WeightsPayload): Uint8Array {
  const weights = [u16Vec(uids), u16Vec(values), u64(versionKey)];
  const owner = hotkey === undefined ? [] : [compact(ACCOUNT_BYTES), decodeAddress(hotkey)];
  return Uint8Array.from(Buffer.concat([...owner, ...weights]));
}

/**
 * Reads both forms, the newer one first, as the runtime does.
 * @throws BadInputError `TIMELOCK_BAD_PAYLOAD`.
 */
export function decodeWeightsPayload(plaintext: Uint8Array): WeightsPayload {
  for (const withHotkey of [true, false]) {
    try {
      const reader = new ScaleReader(plaintext);
      const owner = withHotkey ? reader.take(reader.compact()) : undefined;
      if (owner && owner.length !== ACCOUNT_BYTES) continue;
      const [uids, values, versionKey] = [reader.u16Vec(), reader.u16Vec(), reader.u64()];
      if (reader.left > 0) continue;
      return { hotkey: owner && encodeAddress(owner, SS58_PREFIX), uids, values, versionKey };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new BadInputError('TIMELOCK_BAD_PAYLOAD', 'the opened bytes are not weights of a form that this version knows');
}

/**
 * What `commit_weights` takes, and `reveal_weights` must match: blake2-256 of the SCALE tuple (account, index, uids, values,
 * salt, version key) (pallets/subtensor/src/subnets/weights.rs, get_commit_hash). `netuidIndex` is the netuid for the first
 * mechanism of a subnet.
 */
export function weightsCommitHash(args: {
  hotkey: string;
  netuidIndex: number;
  uids: number[];
  values: number[];
  salt: number[];
  versionKey: bigint;
}): Uint8Array {
  return blake2AsU8a(
    Buffer.concat([
      decodeAddress(args.hotkey),
      u16(args.netuidIndex),
      u16Vec(args.uids),
      u16Vec(args.values),
      u16Vec(args.salt),
      u64(args.versionKey),
    ]),
  );
}
