import type { RuntimeState } from '../../../runtime.ts';
import { badOrigin, type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { subnetExists } from './neurons.ts';
import { subtensor as s } from './storage.ts';

/** After so many blocks without an epoch one fires whatever the schedule says. */
const MAX_BLOCKS_WITHOUT_EPOCH = 50_400n;
const MIN_TEMPO = 360;
const MAX_TEMPO = 50_400;

/** Whether a subnet's epoch fires in block `block` (coinbase/run_coinbase.rs). Tempo 0 = never. */
export function epochDue(state: RuntimeState, netuid: number, block: number): boolean {
  const tempo = s.Tempo.get(state, netuid);
  if (tempo === 0) return false;
  const now = BigInt(block);
  const pending = s.PendingEpochAt.get(state, netuid);
  return (
    (pending > 0n && now >= pending) ||
    s.BlocksSinceLastStep.get(state, netuid) > MAX_BLOCKS_WITHOUT_EPOCH ||
    now - s.LastEpochBlock.get(state, netuid) >= BigInt(tempo)
  );
}

export function nextEpochStart(state: RuntimeState, netuid: number): bigint | undefined {
  const tempo = s.Tempo.get(state, netuid);
  if (!subnetExists(state, netuid) || tempo === 0) return undefined;
  const regular = s.LastEpochBlock.get(state, netuid) + BigInt(tempo);
  const pending = s.PendingEpochAt.get(state, netuid);
  return pending > 0n && pending < regular ? pending : regular;
}

/** Blocks before the next epoch that comes by itself; undefined: none does. */
function blocksToNextEpoch(state: RuntimeState, netuid: number, block: number): bigint | undefined {
  const tempo = s.Tempo.get(state, netuid);
  if (tempo === 0) return undefined;
  const next = s.LastEpochBlock.get(state, netuid) + BigInt(tempo);
  return next > BigInt(block) ? next - BigInt(block) : 0n;
}

/**
 * Within AdminFreezeWindow blocks of the next epoch, and while a triggered one is pending, most hyperparameters cannot be
 * changed, even by sudo (is_in_admin_freeze_window of utils/misc.rs).
 */
function inAdminFreezeWindow(state: RuntimeState, netuid: number, block: number): boolean {
  const left = blocksToNextEpoch(state, netuid, block);
  if (left === undefined) return false;
  return s.PendingEpochAt.get(state, netuid) > BigInt(block) || left < BigInt(s.AdminFreezeWindow.get(state));
}

export function ensureAdminWindowOpen({ state, block }: Context, netuid: number): void {
  ensure(!inAdminFreezeWindow(state, netuid, block), 'AdminActionProhibitedDuringWeightsWindow');
}

/** Epoch index used by commitments and commit-reveal: one ahead in a block in which an epoch is due. */
export function lookAheadEpoch(state: RuntimeState, netuid: number, block: number): bigint {
  return s.SubnetEpochIndex.get(state, netuid) + (epochDue(state, netuid, block) ? 1n : 0n);
}

export function ensureOwnerOrRoot(state: RuntimeState, origin: Origin, netuid: number): void {
  if (origin.kind !== 'root') ensureOwner(state, origin, netuid);
}

function ensureOwner(state: RuntimeState, origin: Origin, netuid: number): string {
  const who = ensureSigned(origin);
  if (who !== s.SubnetOwner.get(state, netuid)) throw badOrigin();
  return who;
}

/** do_set_tempo of coinbase/tempo_control.rs: a new cycle begins now. Only the owner, not even root. */
function setTempo(context: Context, origin: Origin, { netuid, tempo }: { netuid: number; tempo: number }): void {
  const { state, block } = context;
  ensureOwner(state, origin, netuid);
  ensure(tempo >= MIN_TEMPO && tempo <= MAX_TEMPO, 'TempoOutOfBounds');
  ensureAdminWindowOpen(context, netuid);
  s.Tempo.put(state, netuid, tempo);
  s.LastEpochBlock.put(state, netuid, BigInt(block));
  context.deposit('SubtensorModule', 'TempoSet', [netuid, tempo]);
}

/** do_trigger_epoch of coinbase/tempo_control.rs. */
function triggerEpoch(context: Context, origin: Origin, { netuid }: { netuid: number }): void {
  const { state, block } = context;
  const by = ensureOwner(state, origin, netuid);
  ensure(!s.CommitRevealWeightsEnabled.get(state, netuid), 'DynamicTempoBlockedByCommitReveal');
  ensure(s.PendingEpochAt.get(state, netuid) === 0n, 'EpochTriggerAlreadyPending');
  const window = BigInt(s.AdminFreezeWindow.get(state));
  const left = blocksToNextEpoch(state, netuid, block);
  ensure(left === undefined || left >= window, 'AutoEpochAlreadyImminent');
  const fires_at = BigInt(block) + window;
  s.PendingEpochAt.put(state, netuid, fires_at);
  context.deposit('SubtensorModule', 'EpochTriggered', { netuid, by, fires_at });
}

export const epochCalls: Readonly<Record<string, CallDescription>> = {
  set_tempo: { index: 139, args: { netuid: 'u16', tempo: 'u16' }, dispatch: setTempo },
  trigger_epoch: { index: 141, args: { netuid: 'u16' }, dispatch: triggerEpoch },
};
