import { errorCode, OperatorError } from '@tuning/kit';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions, SetWeightsArgs, SetWeightsResult } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { uint } from './chain-values.ts';
import { planWeights, type WeightPlan } from './weight-plan.ts';
import { requireStored } from './weights.ts';
import { commitHashedWeights } from './weights-hashed.ts';
import { commitTimelockedWeights, TIMELOCK_VERSION } from './weights-timelocked.ts';

/**
 * Sets weights in the form that the subnet takes at that moment: in the open, or committed. Uids are resolved here, at the
 * last moment.
 * @throws OperatorError `HOTKEY_NOT_REGISTERED` | `COMMIT_REVEAL_UNSUPPORTED` (a runtime whose commits this version does
 * not know); TransientError `WEIGHTS_TOO_SOON` (`details.blocksToWait`); BadInputError `WEIGHTS_EMPTY` |
 * `WEIGHTS_INVALID` | `WEIGHTS_CONCENTRATED`; ChainError `WEIGHTS_MISMATCH` and the runtime's own, e.g.
 * `NEURON_NO_VALIDATOR_PERMIT`; as `submit`.
 */
export async function setWeights(
  context: ChainContext,
  args: SetWeightsArgs,
  options: CallOptions = {},
): Promise<SetWeightsResult> {
  try {
    return await setOnce(context, args, options);
  } catch (error) {
    // Commit-reveal was switched between the reading and the block: the other form is right now.
    const code = errorCode(error);
    if (code !== 'COMMIT_REVEAL_ENABLED' && code !== 'COMMIT_REVEAL_DISABLED') throw error;
    return setOnce(context, args, options);
  }
}

async function setOnce(context: ChainContext, args: SetWeightsArgs, options: CallOptions): Promise<SetWeightsResult> {
  const plan = await planWeights(context, args, options.signal);
  if (!plan.commitReveal) return setOpenly(context, args, plan, options);
  const version = await timelockVersion(context, plan.head, options.signal);
  const canSeal = version === TIMELOCK_VERSION && context.hasCall('subtensorModule', 'commitTimelockedWeights');
  const canHash = ['commitWeights', 'revealWeights'].every((call) => context.hasCall('subtensorModule', call));
  if (canSeal && !(canHash && args.commitForm === 'commit-reveal')) {
    return commitTimelockedWeights(context, args, plan, options);
  }
  if (canHash) return commitHashedWeights(context, args, plan, options);
  throw new OperatorError(
    'COMMIT_REVEAL_UNSUPPORTED',
    `subnet ${args.netuid} takes weights by commit-reveal only, in version ${version}, and this version writes ${TIMELOCK_VERSION}: update this program`,
  );
}

/** The version of timelocked commits that the chain wants. */
function timelockVersion(context: ChainContext, head: BlockRef, signal: AbortSignal | undefined): Promise<number> {
  return context.read(
    'the commit-reveal version',
    async (state) =>
      state.has('subtensorModule', 'commitRevealWeightsVersion')
        ? state.read(uint, 'subtensorModule', 'commitRevealWeightsVersion')
        : 0,
    { at: head.hash, signal },
  );
}

async function setOpenly(
  context: ChainContext,
  { netuid, hotkey }: SetWeightsArgs,
  { uid, uids, values, versionKey }: WeightPlan,
  options: CallOptions,
): Promise<SetWeightsResult> {
  const { block } = await context.submit(
    { pallet: 'subtensorModule', call: 'setWeights', args: [netuid, uids, values, versionKey] },
    hotkey,
    options,
  );
  await requireStored(context, { netuid, uid, uids, values }, block, 'set_weights', options.signal);
  return { form: 'plain', block, uids, values };
}
