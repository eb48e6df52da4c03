import { TransientError } from '@tuning/kit';
import { z } from 'zod';
import type { BlockRef } from './block-ref.ts';
import type { SetWeightsArgs } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { foreseenRefusal } from './chain-error.ts';
import type { ChainState } from './chain-state.ts';
import { account, bigUint, uint } from './chain-values.ts';
import { type EpochClock, readEpochClock } from './epoch-clock.ts';
import { readHyperparameters } from './hyperparameters.ts';
import { requireUid } from './subnet.ts';
import { weightVector } from './weight-vector.ts';
import { readLastUpdate } from './weights.ts';

/** What is to be set, and the chain as it was when that was decided. */
export interface WeightPlan {
  /** The setter's own. */
  uid: number;
  uids: number[];
  values: number[];
  versionKey: bigint;
  commitReveal: boolean;
  /** Read at this finalised block, as is all else. */
  head: BlockRef;
  /** Unix milliseconds of that block. */
  timestampMs: number;
  epochs: EpochClock;
}

/**
 * Reads the subnet's rules, resolves uids, scales, and checks what the chain would refuse, or, for weights that are
 * revealed by the chain itself, drop without a word.
 * @throws as `setWeights`.
 */
export async function planWeights(
  context: ChainContext,
  { netuid, hotkey, weights, versionKey: given }: SetWeightsArgs,
  signal?: AbortSignal,
): Promise<WeightPlan> {
  const uid = await requireUid(context, netuid, hotkey.address, signal);
  const { head } = context;
  const { rules, lastUpdate, hotkeys, permitted, timestamp, epochs } = await context.read(
    `the weight rules of subnet ${netuid}`,
    async (state) => ({
      rules: await readHyperparameters(state, netuid),
      lastUpdate: await readLastUpdate(state, netuid, uid),
      hotkeys: await state.rows(uint, account, 'subtensorModule', 'keys', netuid),
      permitted: await isPermitted(state, netuid, uid, hotkey.address),
      timestamp: await state.read(bigUint, 'timestamp', 'now'),
      epochs: await readEpochClock(state, netuid, head.number),
    }),
    { at: head.hash, signal },
  );
  // The earliest block that can take the call is the one after the head.
  const blocksToWait = lastUpdate === 0 ? 0 : lastUpdate + rules.weightsRateLimit - (head.number + 1);
  if (blocksToWait > 0) {
    throw new TransientError(
      'WEIGHTS_TOO_SOON',
      `uid ${uid} set or committed weights (or registered) in block ${lastUpdate} and may do so again in ${blocksToWait} blocks`,
      { details: { blocksToWait, lastUpdate, rateLimit: rules.weightsRateLimit } },
    );
  }
  const uidByHotkey = new Map([...hotkeys].map(([key, address]) => [address, key]));
  const { uids, values } = weightVector(weights, uidByHotkey, {
    leastEntries: Math.min(rules.minAllowedWeights, uidByHotkey.size),
    maxWeightsLimit: rules.maxWeightsLimit,
    ownUid: uid,
  });
  const versionKey = given ?? rules.weightsVersionKey;
  const selfWeight = uids.length === 1 && uids[0] === uid;
  if (!permitted && !selfWeight)
    throw foreseenRefusal('NeuronNoValidatorPermit', `the weights of uid ${uid} of subnet ${netuid}`);
  if (rules.weightsVersionKey > versionKey) {
    const keys = `weights of version ${versionKey} on subnet ${netuid}, which asks for ${rules.weightsVersionKey}`;
    throw foreseenRefusal('IncorrectWeightVersionKey', keys);
  }
  const timestampMs = Number(timestamp);
  return { uid, uids, values, versionKey, commitReveal: rules.commitRevealEnabled, head, timestampMs, epochs };
}

async function isPermitted(state: ChainState, netuid: number, uid: number, hotkey: string): Promise<boolean> {
  const pallet = 'subtensorModule';
  const [permits, owner] = await Promise.all([
    state.read(z.array(z.boolean()), pallet, 'validatorPermit', netuid),
    state.has(pallet, 'subnetOwnerHotkey') ? state.read(account, pallet, 'subnetOwnerHotkey', netuid) : undefined,
  ]);
  return permits[uid] === true || owner === hotkey;
}
