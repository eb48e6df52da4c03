import { OperatorError, TransientError } from '@tuning/kit';
import { z } from 'zod';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions, SetWeightsArgs } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { ChainError } from './chain-error.ts';
import type { ChainState } from './chain-state.ts';
import { account, uint } from './chain-values.ts';
import { readHyperparameters } from './hyperparameters.ts';
import { requireUid } from './subnet.ts';
import { weightVector } from './weight-vector.ts';

const weightRows = z.array(z.tuple([uint, uint]));

/** The weights that a validator has set, as stored (u16). */
export async function readWeights(
  state: ChainState,
  netuid: number,
  uid: number,
): Promise<{ uid: number; value: number }[]> {
  const rows = await state.read(weightRows, 'subtensorModule', 'weights', netuid, uid);
  return rows.map(([to, value]) => ({ uid: to, value }));
}

/** Block of the last weight set, or of the registration. */
export async function readLastUpdate(state: ChainState, netuid: number, uid: number): Promise<number> {
  return (await state.read(z.array(uint), 'subtensorModule', 'lastUpdate', netuid))[uid] ?? 0;
}

/**
 * Sets weights in the open (not commit-reveal) and reads them back. Uids are resolved here, at the last moment.
 * @throws OperatorError `COMMIT_REVEAL_UNSUPPORTED` | `HOTKEY_NOT_REGISTERED`; TransientError `WEIGHTS_TOO_SOON`
 * (`details.blocksToWait`); BadInputError `WEIGHTS_EMPTY` | `WEIGHTS_INVALID`; ChainError `WEIGHTS_MISMATCH` and the
 * runtime's own, e.g. `NEURON_NO_VALIDATOR_PERMIT`; as `submit`.
 */
export async function setWeights(
  context: ChainContext,
  { netuid, hotkey, weights, versionKey }: SetWeightsArgs,
  options: CallOptions = {},
): Promise<{ block: BlockRef; uids: number[]; values: number[] }> {
  const uid = await requireUid(context, netuid, hotkey.address, options.signal);
  const { head } = context;
  const { rules, lastUpdate, hotkeys } = await context.read(
    `the weight rules of subnet ${netuid}`,
    async (state) => ({
      rules: await readHyperparameters(state, netuid),
      lastUpdate: await readLastUpdate(state, netuid, uid),
      hotkeys: await state.rows(uint, account, 'subtensorModule', 'keys', netuid),
    }),
    { at: head.hash, signal: options.signal },
  );
  if (rules.commitRevealEnabled) {
    throw new OperatorError(
      'COMMIT_REVEAL_UNSUPPORTED',
      `subnet ${netuid} takes weights by commit-reveal only, which this version does not do: its owner can switch that off`,
    );
  }
  // The earliest block that can take the call is the one after the head.
  const blocksToWait = lastUpdate === 0 ? 0 : lastUpdate + rules.weightsRateLimit - (head.number + 1);
  if (blocksToWait > 0) {
    throw new TransientError(
      'WEIGHTS_TOO_SOON',
      `uid ${uid} set weights (or registered) in block ${lastUpdate} and may set them again in ${blocksToWait} blocks`,
      { details: { blocksToWait, lastUpdate, rateLimit: rules.weightsRateLimit } },
    );
  }
  const uidByHotkey = new Map([...hotkeys].map(([key, address]) => [address, key]));
  const { uids, values } = weightVector(weights, uidByHotkey, Math.min(rules.minAllowedWeights, uidByHotkey.size));
  const { block } = await context.submit(
    {
      pallet: 'subtensorModule',
      call: 'setWeights',
      args: [netuid, uids, values, versionKey ?? rules.weightsVersionKey],
    },
    hotkey,
    options,
  );
  const stored = await context.read('the weights just set', (state) => readWeights(state, netuid, uid), {
    at: block.hash,
    signal: options.signal,
  });
  const same =
    stored.length === uids.length && stored.every((row, at) => row.uid === uids[at] && row.value === values[at]);
  if (!same) {
    throw new ChainError(
      'WEIGHTS_MISMATCH',
      `set_weights succeeded in block ${block.number}, but the chain holds other weights of uid ${uid} there`,
      { details: { block: block.number } },
    );
  }
  return { block, uids, values };
}
