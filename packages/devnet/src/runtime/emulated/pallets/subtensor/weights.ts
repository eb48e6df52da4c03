import type { RuntimeState } from '../../../runtime.ts';
import { type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { isOwnerUid, setLastUpdate, stakeWeightOf, subnetExists } from './neurons.ts';
import { subtensor as s } from './storage.ts';

export interface SetWeightsArgs {
  netuid: number;
  dests: number[];
  weights: number[];
  version_key: bigint;
}

export function enoughStakeForWeights(state: RuntimeState, netuid: number, hotkey: string): boolean {
  return (
    s.SubnetOwnerHotkey.get(state, netuid) === hotkey ||
    stakeWeightOf(state, hotkey, netuid) >= s.StakeThreshold.get(state)
  );
}

/** LastUpdate 0 means "never": that passes. */
export function weightsRateLimitPassed(state: RuntimeState, netuid: number, uid: number, block: number): boolean {
  const last = s.LastUpdate.get(state, netuid)[uid] ?? 0n;
  return last === 0n || BigInt(block) - last >= s.WeightsSetRateLimit.get(state, netuid);
}

/** The largest becomes 65535, each other value * 65535 / largest, rounded. */
function maxUpscale(values: readonly number[]): number[] {
  const largest = Math.max(0, ...values);
  return largest === 0 ? [...values] : values.map((value) => Math.round((value * 65_535) / largest));
}

/** Share of the sum that the largest value has, of 65535. */
function largestShare(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum === 0 ? 0 : Math.round((Math.max(...values) / sum) * 65_535);
}

/** do_set_weights of subnets/weights.rs: the order of the checks is part of the behaviour. */
export function setWeights(context: Context, origin: Origin, args: SetWeightsArgs, reveal = false): void {
  const { state, block } = context;
  const hotkey = ensureSigned(origin);
  const { netuid, dests, weights } = args;
  const commitReveal = s.CommitRevealWeightsEnabled.get(state, netuid);
  if (!reveal) ensure(!commitReveal, 'CommitRevealEnabled');
  ensure(netuid !== 0, 'CanNotSetRootNetworkWeights');
  ensure(dests.length === weights.length, 'WeightVecNotEqualSize');
  ensure(subnetExists(state, netuid), 'MechanismDoesNotExist');
  const n = s.SubnetworkN.get(state, netuid);
  ensure(dests.length <= n, 'UidsLengthExceedUidsInSubNet');
  const uid = s.Uids.get(state, netuid, hotkey);
  ensure(uid !== undefined, 'HotKeyNotRegisteredInSubNet');
  ensure(enoughStakeForWeights(state, netuid, hotkey), 'NotEnoughStakeToSetWeights');
  const versionKey = s.WeightsVersionKey.get(state, netuid);
  ensure(versionKey === 0n || args.version_key >= versionKey, 'IncorrectWeightVersionKey');
  if (!commitReveal) ensure(weightsRateLimitPassed(state, netuid, uid, block), 'SettingWeightsTooFast');
  const self = dests.length === 1 && dests[0] === uid;
  const permit = self || isOwnerUid(state, netuid, uid) || s.ValidatorPermit.get(state, netuid)[uid] === true;
  ensure(permit, 'NeuronNoValidatorPermit');
  ensure(new Set(dests).size === dests.length, 'DuplicateUids');
  ensure(
    dests.every((dest) => dest < n),
    'UidVecContainInvalidOne',
  );
  ensure(self || dests.length >= Math.min(n, s.MinAllowedWeights.get(state, netuid)), 'WeightVecLengthIsLow');
  const limit = s.MaxWeightsLimit.get(state, netuid);
  ensure(self || limit === 65_535 || largestShare(weights) <= limit, 'MaxWeightExceeded');

  const scaled = maxUpscale(weights);
  s.Weights.put(
    state,
    netuid,
    uid,
    dests.map((dest, i) => [dest, scaled[i]!]),
  );
  if (!commitReveal) setLastUpdate(state, netuid, uid, block);
  context.deposit('SubtensorModule', 'WeightsSet', [netuid, uid]);
}

const weightArgs = { netuid: 'u16', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' };

export const weightCalls: Readonly<Record<string, CallDescription>> = {
  set_weights: { index: 0, args: weightArgs, free: true, dispatch: setWeights },
  set_mechanism_weights: {
    index: 119,
    args: { netuid: 'u16', mecid: 'u8', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' },
    free: true,
    dispatch: (context, origin, { mecid, ...args }: SetWeightsArgs & { mecid: number }) => {
      ensure(mecid === 0, 'MechanismDoesNotExist');
      setWeights(context, origin, args);
    },
  },
  batch_set_weights: {
    index: 80,
    args: {
      netuids: 'Vec<Compact<u16>>',
      weights: 'Vec<Vec<(Compact<u16>,Compact<u16>)>>',
      version_keys: 'Vec<Compact<u64>>',
    },
    free: true,
    dispatch: batchSetWeights,
  },
};

interface BatchArgs {
  netuids: number[];
  weights: [number, number][][];
  version_keys: bigint[];
}

/** Each item stands alone: a failed one leaves an event and the rest goes on. */
function batchSetWeights(context: Context, origin: Origin, { netuids, weights, version_keys }: BatchArgs): void {
  const hotkey = ensureSigned(origin);
  ensure(netuids.length === weights.length && netuids.length === version_keys.length, 'InputLengthsUnequal');
  let failed = false;
  for (const [i, netuid] of netuids.entries()) {
    const pairs = weights[i]!;
    const value = {
      netuid,
      dests: pairs.map(([uid]) => uid),
      weights: pairs.map(([, weight]) => weight),
      version_key: version_keys[i]!,
    };
    const call = { kind: 'SubtensorModule', value: { kind: 'set_weights', value } };
    const result = context.tryDispatch(call, origin);
    if (result.kind === 'Ok') continue;
    failed = true;
    context.deposit('SubtensorModule', 'BatchWeightItemFailed', [netuid, result.value]);
  }
  if (failed) context.deposit('SubtensorModule', 'BatchCompletedWithErrors');
  context.deposit('SubtensorModule', 'BatchWeightsCompleted', [netuids, hotkey]);
}
