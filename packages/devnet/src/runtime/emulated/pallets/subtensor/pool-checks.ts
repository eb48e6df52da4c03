import type { InvalidTransaction, RuntimeState } from '../../../runtime.ts';
import { ModuleError } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { networkRateLimited } from './networks.ts';
import { checkServeAxon, checkServePrometheus, type ServeAxonArgs, type ServePrometheusArgs } from './serving.ts';
import { subtensor as s } from './storage.ts';
import { enoughStakeForWeights, type SetWeightsArgs, weightsRateLimitPassed } from './weights.ts';

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
  NoWeightsCommitFound: 16,
  RevealTooEarly: 17,
  InputLengthsUnequal: 18,
  HotKeyNotRegisteredInSubNet: 19,
};
const BAD_REQUEST = 255;

function checkWeights(state: RuntimeState, block: number, who: string, { netuid }: SetWeightsArgs): void {
  ensure(enoughStakeForWeights(state, netuid, who), 'NotEnoughStakeToSetWeights');
  const uid = s.Uids.get(state, netuid, who);
  // An unregistered hotkey passes here and fails in the block.
  if (uid === undefined || s.CommitRevealWeightsEnabled.get(state, netuid)) return;
  ensure(weightsRateLimitPassed(state, netuid, uid, block), 'SettingWeightsTooFast');
}

function run(state: RuntimeState, block: number, who: string, call: string, args: unknown): void {
  switch (call) {
    case 'set_weights':
    case 'set_mechanism_weights':
      checkWeights(state, block, who, args as SetWeightsArgs);
      break;
    case 'batch_set_weights': {
      const { netuids, weights, version_keys } = args as Record<'netuids' | 'weights' | 'version_keys', unknown[]>;
      const equal = netuids.length === weights.length && netuids.length === version_keys.length;
      ensure(equal, 'InputLengthsUnequal');
      break;
    }
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
    run(state, block, who, call, args);
    return undefined;
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    return { name: 'Custom', custom: CUSTOM[error.error] ?? BAD_REQUEST };
  }
}
