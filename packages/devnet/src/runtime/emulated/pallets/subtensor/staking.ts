import type { RuntimeState } from '../../../runtime.ts';
import { type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { hotkeyExists, subnetExists } from './neurons.ts';
import { subtensor as s } from './storage.ts';
import { canPay, payFromSubnet, payToSubnet } from './subnet-account.ts';

/** Smallest stake, RAO (InitialMinStake). */
const MIN_STAKE = 2_000_000n;

interface StakeArgs {
  hotkey: string;
  netuid: number;
}

/** Shares are U64F64; the emulation has no pools, so one alpha is one TAO and one share is one RAO of alpha. */
function shares(rao: bigint): { bits: bigint } {
  return { bits: rao << 64n };
}

export function stakeOf(state: RuntimeState, hotkey: string, coldkey: string, netuid: number): bigint {
  const total = s.TotalHotkeyShares.get(state, hotkey, netuid).bits;
  if (total === 0n) return 0n;
  return (s.Alpha.get(state, hotkey, coldkey, netuid).bits * s.TotalHotkeyAlpha.get(state, hotkey, netuid)) / total;
}

/** What nothing is left of has no entry (HotkeyAlphaSharePoolDataOperations of staking/stake_utils.rs). */
function changeShares(state: RuntimeState, hotkey: string, coldkey: string, netuid: number, bits: bigint): void {
  const share = s.Alpha.get(state, hotkey, coldkey, netuid).bits + bits;
  if (share === 0n) s.Alpha.remove(state, hotkey, coldkey, netuid);
  else s.Alpha.put(state, hotkey, coldkey, netuid, { bits: share });
  const all = s.TotalHotkeyShares.get(state, hotkey, netuid).bits + bits;
  if (all === 0n) s.TotalHotkeyShares.remove(state, hotkey, netuid);
  else s.TotalHotkeyShares.put(state, hotkey, netuid, { bits: all });
}

function setHotkeyAlpha(state: RuntimeState, hotkey: string, netuid: number, alpha: bigint): void {
  if (alpha === 0n) s.TotalHotkeyAlpha.remove(state, hotkey, netuid);
  else s.TotalHotkeyAlpha.put(state, hotkey, netuid, alpha);
}

/** Emission to a hotkey: everyone who staked to it gains in proportion. */
export function creditHotkey(state: RuntimeState, hotkey: string, netuid: number, alpha: bigint): void {
  if (alpha === 0n) return;
  s.TotalHotkeyAlpha.put(state, hotkey, netuid, s.TotalHotkeyAlpha.get(state, hotkey, netuid) + alpha);
}

/** Alpha of one coldkey on a hotkey: it gets as many new shares as the alpha is worth. */
export function creditStake(state: RuntimeState, hotkey: string, coldkey: string, netuid: number, alpha: bigint): void {
  if (alpha === 0n) return;
  const total = s.TotalHotkeyAlpha.get(state, hotkey, netuid);
  const allShares = s.TotalHotkeyShares.get(state, hotkey, netuid).bits;
  const first = total === 0n || allShares === 0n;
  changeShares(state, hotkey, coldkey, netuid, first ? shares(alpha).bits : (allShares * alpha) / total);
  s.TotalHotkeyAlpha.put(state, hotkey, netuid, total + alpha);
  const staking = s.StakingHotkeys.get(state, coldkey);
  if (!staking.includes(hotkey)) s.StakingHotkeys.put(state, coldkey, [...staking, hotkey]);
}

function addStake(context: Context, origin: Origin, args: StakeArgs & { amount_staked: bigint }): void {
  const { state } = context;
  const coldkey = ensureSigned(origin);
  const { hotkey, netuid } = args;
  ensure(subnetExists(state, netuid), 'SubnetNotExists');
  ensure(s.SubtokenEnabled.get(state, netuid), 'SubtokenDisabled');
  ensure(args.amount_staked >= MIN_STAKE, 'AmountTooLow');
  ensure(canPay(context, coldkey, args.amount_staked), 'NotEnoughBalanceToStake');
  ensure(hotkeyExists(state, hotkey), 'HotKeyAccountNotExists');
  const amount = payToSubnet(context, netuid, coldkey, args.amount_staked);
  creditStake(state, hotkey, coldkey, netuid, amount);
  s.SubnetTAO.put(state, netuid, s.SubnetTAO.get(state, netuid) + amount);
  s.SubnetAlphaOut.put(state, netuid, s.SubnetAlphaOut.get(state, netuid) + amount);
  s.TotalStake.put(state, s.TotalStake.get(state) + amount);
  context.deposit('SubtensorModule', 'StakeAdded', [coldkey, hotkey, amount, amount, netuid, 0n]);
}

function removeStake(context: Context, origin: Origin, args: StakeArgs & { amount_unstaked: bigint }): void {
  const { state } = context;
  const coldkey = ensureSigned(origin);
  const { hotkey, netuid } = args;
  ensure(s.SubtokenEnabled.get(state, netuid), 'SubtokenDisabled');
  // More than there is takes out all there is; only the last of a stake may be less than the smallest one.
  const stake = stakeOf(state, hotkey, coldkey, netuid);
  const amount = args.amount_unstaked < stake ? args.amount_unstaked : stake;
  ensure(subnetExists(state, netuid), 'SubnetNotExists');
  ensure(amount > 0n && (amount === stake || amount >= MIN_STAKE), 'AmountTooLow');
  ensure(hotkeyExists(state, hotkey), 'HotKeyAccountNotExists');
  const total = s.TotalHotkeyAlpha.get(state, hotkey, netuid);
  const allShares = s.TotalHotkeyShares.get(state, hotkey, netuid).bits;
  changeShares(state, hotkey, coldkey, netuid, -((allShares * amount) / total));
  setHotkeyAlpha(state, hotkey, netuid, total - amount);
  s.SubnetAlphaOut.put(state, netuid, s.SubnetAlphaOut.get(state, netuid) - amount);
  const staked = s.TotalStake.get(state);
  s.TotalStake.put(state, staked > amount ? staked - amount : 0n);
  payFromSubnet(context, netuid, coldkey, amount);
  context.deposit('SubtensorModule', 'StakeRemoved', [coldkey, hotkey, amount, amount, netuid, 0n]);
}

export const stakingCalls: Readonly<Record<string, CallDescription>> = {
  add_stake: {
    index: 2,
    args: { hotkey: 'AccountId32', netuid: 'u16', amount_staked: 'u64' },
    dispatch: addStake,
  },
  remove_stake: {
    index: 3,
    args: { hotkey: 'AccountId32', netuid: 'u16', amount_unstaked: 'u64' },
    dispatch: removeStake,
  },
};
