import type { RuntimeState } from '../../../runtime.ts';
import { div, type Fixed, fixed, mul, normalise, round, shareOfU16 } from '../../fixed-point.ts';
import { type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { ensureMechanismExists, mechanismIndex } from './mechanism.ts';
import { isOwnerUid, setLastUpdate, stakeWeightOf } from './neurons.ts';
import { subtensor as s } from './storage.ts';

export interface SetWeightsArgs {
  netuid: number;
  /** Mechanism; default 0. */
  mecid?: number;
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
  const now = BigInt(block);
  return last === 0n || (now > last ? now - last : 0n) >= s.WeightsSetRateLimit.get(state, netuid);
}

const U16_MAX = fixed(65_535);

/** The largest becomes 65535 and the others keep their proportion (vec_max_upscale_to_u16 of epoch/math.rs). */
export function maxUpscale(values: readonly number[]): number[] {
  const largest = Math.max(0, ...values);
  if (largest === 0) return [...values];
  // Above half of u16 the product would not fit an I32F32, so the chain divides first.
  const scaled = (value: Fixed): Fixed =>
    largest > 32_768 ? mul(value, div(U16_MAX, fixed(largest))) : div(mul(value, U16_MAX), fixed(largest));
  return values.map((value) => Math.min(65_535, Number(round(scaled(fixed(value))))));
}

/** Whether no value has more than `limit` / 65535 of the sum (check_vec_max_limited of epoch/math.rs). */
function withinLimit(values: readonly number[], limit: number): boolean {
  const shares = normalise(values.map((value) => fixed(value)));
  return shares.every((share) => share <= shareOfU16(limit));
}

/** do_set_weights of subnets/weights.rs: the order of the checks is part of the behaviour. */
export function setWeights(context: Context, origin: Origin, args: SetWeightsArgs, reveal = false): void {
  const { state, block } = context;
  const hotkey = ensureSigned(origin);
  const { netuid, mecid = 0, dests, weights } = args;
  const commitReveal = s.CommitRevealWeightsEnabled.get(state, netuid);
  if (!reveal) ensure(!commitReveal, 'CommitRevealEnabled');
  ensure(netuid !== 0, 'CanNotSetRootNetworkWeights');
  ensure(dests.length === weights.length, 'WeightVecNotEqualSize');
  ensureMechanismExists(state, netuid, mecid);
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
  const scaled = maxUpscale(weights);
  ensure(self || limit === 65_535 || withinLimit(scaled, limit), 'MaxWeightExceeded');

  const index = mechanismIndex(netuid, mecid);
  s.Weights.put(
    state,
    index,
    uid,
    dests.map((dest, i) => [dest, scaled[i]!]),
  );
  if (!commitReveal) setLastUpdate(state, netuid, uid, block);
  context.deposit('SubtensorModule', 'WeightsSet', [index, uid]);
}

const weightArgs = { netuid: 'u16', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' };

export const weightCalls: Readonly<Record<string, CallDescription>> = {
  set_weights: {
    index: 0,
    args: weightArgs,
    free: true,
    dispatch: (context, origin, args: SetWeightsArgs) => setWeights(context, origin, args),
  },
  set_mechanism_weights: {
    index: 119,
    args: { netuid: 'u16', mecid: 'u8', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' },
    free: true,
    dispatch: (context, origin, args: SetWeightsArgs) => setWeights(context, origin, args),
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

function batchSetWeights(context: Context, origin: Origin, { netuids, weights, version_keys }: BatchArgs): void {
  ensureSigned(origin);
  ensure(netuids.length === weights.length && netuids.length === version_keys.length, 'InputLengthsUnequal');
  completeBatch(context, origin, netuids, (netuid, i) => {
    const pairs = weights[i]!;
    const dests = pairs.map(([uid]) => uid);
    const values = pairs.map(([, weight]) => weight);
    setWeights(context, origin, { netuid, dests, weights: values, version_key: version_keys[i]! });
  });
}

/** Each subnet stands alone: what fails is told by events after the rest has run. */
export function completeBatch(
  context: Context,
  origin: Origin,
  netuids: readonly number[],
  step: (netuid: number, i: number) => void,
): void {
  const hotkey = ensureSigned(origin);
  const failures = netuids.map((netuid, i) => context.attempt(() => step(netuid, i)));
  if (failures.some((failure) => failure)) context.deposit('SubtensorModule', 'BatchCompletedWithErrors');
  for (const [i, failure] of failures.entries()) {
    if (failure) context.deposit('SubtensorModule', 'BatchWeightItemFailed', [netuids[i], failure]);
  }
  context.deposit('SubtensorModule', 'BatchWeightsCompleted', [netuids, hotkey]);
}
