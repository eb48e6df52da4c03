import type { RuntimeState } from '../../../runtime.ts';
import { type Fixed, floor, wide } from '../../fixed-point.ts';
import type { Context } from '../../pallet.ts';
import { type HotkeyEmission, runEpoch } from './epoch.ts';
import { creditHotkey, creditStake } from './staking.ts';
import { subtensor as s } from './storage.ts';

/** Alpha that a running subnet emits per block, RAO. The real amount halves with issuance; a devnet never gets there. */
const ALPHA_PER_BLOCK = 1_000_000_000n;
const U16_MAX = wide.of(65_535n);
const U64_MAX = wide.of(0xffff_ffff_ffff_ffffn);
const HALF = wide.of(1n) / 2n;

/** Alpha RAO that waits for a subnet's next epoch. Root's part is not among it: the emulation recycles that at once. */
export interface Pending {
  server: bigint;
  validator: bigint;
  owner: bigint;
}

function taoWeight(state: RuntimeState): Fixed {
  return wide.div(wide.of(s.TaoWeight.get(state)), U64_MAX);
}

/** Root's weight against the alpha that exists: young subnets give root the most (block_step.rs). */
function rootProportion(state: RuntimeState, netuid: number): Fixed {
  const alpha = wide.of(s.SubnetAlphaIn.get(state, netuid) + s.SubnetAlphaOut.get(state, netuid));
  const root = wide.mul(wide.of(s.SubnetTAO.get(state, 0)), taoWeight(state));
  return wide.div(root, root + alpha);
}

function issue(state: RuntimeState, netuid: number, alpha: bigint): void {
  s.SubnetAlphaOut.put(state, netuid, s.SubnetAlphaOut.get(state, netuid) + alpha);
}

/**
 * One block's alpha (emit_to_subnets of coinbase/run_coinbase.rs): the owner's cut, half of the rest to miners, the
 * other half to validators less root's share. The emulation has no pools, so nothing is injected into them, and root's
 * share is recycled, as on a chain whose alpha prices do not sum to more than 1.
 */
export function emit(state: RuntimeState, netuid: number): void {
  if (!s.FirstEmissionBlockNumber.has(state, netuid) || !s.SubtokenEnabled.get(state, netuid)) return;
  if (!s.NetworkRegistrationAllowed.get(state, netuid)) return;
  issue(state, netuid, ALPHA_PER_BLOCK);
  const out = wide.of(ALPHA_PER_BLOCK);
  const cut = wide.mul(out, wide.div(wide.of(BigInt(s.SubnetOwnerCut.get(state))), U16_MAX));
  const rest = wide.sub(out, cut);
  const root = wide.mul(wide.mul(rootProportion(state, netuid), rest), HALF);
  const server = wide.mul(rest, HALF);
  const validator = wide.sub(wide.sub(rest, server), root);
  s.PendingOwnerCut.put(state, netuid, s.PendingOwnerCut.get(state, netuid) + floor(cut));
  s.PendingServerEmission.put(state, netuid, s.PendingServerEmission.get(state, netuid) + floor(server));
  s.PendingValidatorEmission.put(state, netuid, s.PendingValidatorEmission.get(state, netuid) + floor(validator));
  issue(state, netuid, -floor(root));
}

export function takePending(state: RuntimeState, netuid: number): Pending {
  const pending = {
    server: s.PendingServerEmission.get(state, netuid),
    validator: s.PendingValidatorEmission.get(state, netuid),
    owner: s.PendingOwnerCut.get(state, netuid),
  };
  for (const pot of [s.PendingServerEmission, s.PendingValidatorEmission, s.PendingOwnerCut])
    pot.put(state, netuid, 0n);
  return pending;
}

/** Runs the epoch and gives out what was gathered for it (distribute_emission of coinbase/run_coinbase.rs). */
export function distributeEmission(context: Context, netuid: number, pending: Pending): void {
  const { state } = context;
  const earned = runEpoch(context, netuid, pending.server + pending.validator);
  const incentives = earned.reduce((total, { server }) => total + server, 0n);
  // With no incentive at all, validators take the miners' part too.
  const pot = incentives === 0n ? pending.validator + pending.server : pending.validator;
  const dividends = shareDividends(state, netuid, pot, earned);
  if (s.SubnetOwner.has(state, netuid) && s.SubnetOwnerHotkey.has(state, netuid)) {
    creditStake(state, s.SubnetOwnerHotkey.get(state, netuid), s.SubnetOwner.get(state, netuid), netuid, pending.owner);
  }
  payMiners(state, netuid, earned);
  payValidators(state, netuid, dividends);
}

/** An owner's miners earn nothing: their part is burned, or recycled where the subnet chose so. */
function payMiners(state: RuntimeState, netuid: number, earned: readonly HotkeyEmission[]): void {
  const owner = s.SubnetOwner.get(state, netuid);
  const ownerHotkey = s.SubnetOwnerHotkey.get(state, netuid);
  const recycle = s.RecycleOrBurn.get(state, netuid).kind === 'Recycle';
  for (const { hotkey, server } of earned) {
    const coldkey = s.Owner.get(state, hotkey);
    if (hotkey !== ownerHotkey && !s.OwnedHotkeys.get(state, owner).includes(hotkey)) {
      creditStake(state, hotkey, coldkey, netuid, server);
    } else if (recycle) issue(state, netuid, -server);
  }
}

/** U96F32 alpha per hotkey: the pot in proportion to that part of each dividend which its alpha stake earned. */
function shareDividends(
  state: RuntimeState,
  netuid: number,
  pot: bigint,
  earned: readonly HotkeyEmission[],
): [hotkey: string, alpha: Fixed][] {
  const weight = taoWeight(state);
  const parts = earned.map(({ hotkey, validator }): [string, Fixed] => {
    const dividend = wide.of(validator);
    const root = wide.mul(wide.of(s.TotalHotkeyAlpha.get(state, hotkey, 0)), weight);
    const total = wide.of(s.TotalHotkeyAlpha.get(state, hotkey, netuid)) + root;
    return [hotkey, wide.sub(dividend, wide.mul(dividend, wide.div(root, total)))];
  });
  const all = parts.reduce((total, [, part]) => total + part, 0n);
  return parts.map(([hotkey, part]) => [hotkey, wide.mul(wide.of(pot), wide.div(part, all))]);
}

/** The take goes to the hotkey's owner, the rest to everybody who staked to it, the owner included. */
function payValidators(state: RuntimeState, netuid: number, dividends: readonly [string, Fixed][]): void {
  for (const [hotkey, alpha] of dividends) {
    const take = wide.mul(wide.div(wide.of(BigInt(s.Delegates.get(state, hotkey))), U16_MAX), alpha);
    creditStake(state, hotkey, s.Owner.get(state, hotkey), netuid, floor(take));
    creditHotkey(state, hotkey, netuid, floor(wide.sub(alpha, take)));
  }
}
