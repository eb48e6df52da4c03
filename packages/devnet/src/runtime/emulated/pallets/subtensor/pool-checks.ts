import type { InvalidTransaction, RuntimeState } from '../../../runtime.ts';
import { ModuleError } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { checkBatchReveal, checkReveal, type RevealArgs } from './hashed-weights.ts';
import { networkRateLimited } from './networks.ts';
import { checkServeAxon, checkServePrometheus, type ServeAxonArgs, type ServePrometheusArgs } from './serving.ts';
import { subtensor as s } from './storage.ts';
import { checkRevealRound } from './timelocked-weights.ts';
import { enoughStakeForWeights, weightsRateLimitPassed } from './weights.ts';

/** common/src/transaction_error.rs: InvalidTransaction::Custom(n) of a module error; anything else is 255. */
const CUSTOM: Readonly<Record<string, number>> = {
  AmountTooLow: 1,
  NotEnoughStakeToSetWeights: 1,
  NotEnoughBalanceToStake: 2,
  SubnetNotExists: 3,
  HotKeyAccountNotExists: 4,
  NotEnoughStakeToWithdraw: 5,
  SettingWeightsTooFast: 6,
  CommittingWeightsTooFast: 6,
  NetworkTxRateLimitExceeded: 6,
  HotKeyNotRegisteredInNetwork: 10,
  InvalidIpAddress: 11,
  ServingRateLimitExceeded: 12,
  InvalidPort: 13,
  InvalidRevealRound: 15,
  NoWeightsCommitFound: 16,
  RevealTooEarly: 17,
  InputLengthsUnequal: 18,
  HotKeyNotRegisteredInSubNet: 19,
};
const BAD_REQUEST = 255;

const LENGTHS: Readonly<Record<string, readonly string[]>> = {
  batch_set_weights: ['netuids', 'weights', 'version_keys'],
  batch_commit_weights: ['netuids', 'commit_hashes'],
  batch_reveal_weights: ['uids_list', 'values_list', 'salts_list', 'version_keys'],
};
const WEIGHT_CALLS = /^(batch_)?(set|commit|reveal)_([a-z0-9]+_)?(mechanism_)?weights$/;

interface AnyWeightsArgs {
  netuid?: number;
  netuids?: number[];
}

/** guards/check_weights.rs: lengths of batches, stake, then what a reveal or a timelocked commit needs. */
function checkWeights(state: RuntimeState, block: number, who: string, call: string, args: AnyWeightsArgs): void {
  const lists = (LENGTHS[call] ?? []).map((name) => (args as Record<string, unknown[]>)[name]!.length);
  ensure(new Set(lists).size <= 1, 'InputLengthsUnequal');
  for (const netuid of args.netuids ?? [args.netuid!]) {
    ensure(enoughStakeForWeights(state, netuid, who), 'NotEnoughStakeToSetWeights');
  }
  if (call === 'batch_reveal_weights') checkBatchReveal(state, block, who, args as never);
  else if (/^reveal_/.test(call)) checkReveal(state, block, who, args as RevealArgs);
  else if (/^commit_(timelocked|crv3)_/.test(call)) checkRevealRound(state, args as never);
}

/** guards/check_rate_limits.rs; batches and timelocked commits meet their limit in the block only. */
function checkRateLimits(state: RuntimeState, block: number, who: string, call: string, netuid: number): void {
  const commit = call === 'commit_weights' || call === 'commit_mechanism_weights';
  const set = call === 'set_weights' || call === 'set_mechanism_weights';
  if (!commit && !(set && !s.CommitRevealWeightsEnabled.get(state, netuid))) return;
  const uid = s.Uids.get(state, netuid, who);
  // An unregistered hotkey passes here and fails in the block.
  if (uid === undefined) return;
  const error = commit ? 'CommittingWeightsTooFast' : 'SettingWeightsTooFast';
  ensure(weightsRateLimitPassed(state, netuid, uid, block), error);
}

/**
 * The dispatch extensions of pallet-subtensor, which run before every signed call of it, in the pool as well as in a
 * block. `block` is the block that the call is or would be in. Throws the ModuleError.
 */
export function checkBeforeDispatch(
  state: RuntimeState,
  block: number,
  who: string,
  call: string,
  args: unknown,
): void {
  if (WEIGHT_CALLS.test(call)) {
    const weights = args as AnyWeightsArgs;
    checkWeights(state, block, who, call, weights);
    checkRateLimits(state, block, who, call, weights.netuid ?? 0);
    return;
  }
  switch (call) {
    case 'register_network':
      ensure(!networkRateLimited(state, block), 'NetworkTxRateLimitExceeded');
      break;
    case 'serve_axon':
    case 'serve_axon_tls':
      checkServeAxon(state, block, who, args as ServeAxonArgs);
      break;
    case 'serve_prometheus':
      checkServePrometheus(state, block, who, args as ServePrometheusArgs);
      break;
  }
}

/** SubtensorTransactionExtension: what the pool and the block author refuse before dispatch. `block` is the next one. */
export function checkInPool(
  state: RuntimeState,
  block: number,
  who: string,
  call: string,
  args: unknown,
): InvalidTransaction | undefined {
  try {
    checkBeforeDispatch(state, block, who, call, args);
    return undefined;
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    return { name: 'Custom', custom: CUSTOM[error.error] ?? BAD_REQUEST };
  }
}
