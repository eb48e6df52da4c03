import { encodeAddress } from '@polkadot/util-crypto';
import { weightsCommitHash } from '@tuning/chain';
import { NETUID } from './levelling.ts';
import type { Args, Now } from './scenario.ts';

/** Weights as they are committed to by hash and revealed. */
export interface Revealed {
  readonly uids: number[];
  readonly values: number[];
  readonly salt: number[];
  readonly versionKey: bigint;
}

export function hashOf(now: Now, by: string, weights: Revealed): string {
  const hotkey = encodeAddress(now.publicKey(by), 42);
  return `0x${Buffer.from(weightsCommitHash({ hotkey, netuidIndex: NETUID, ...weights })).toString('hex')}`;
}

export function revealArgs({ versionKey, ...weights }: Revealed): Args {
  return { netuid: NETUID, ...weights, version_key: versionKey };
}
