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

/** Within AdminFreezeWindow blocks of the next epoch most hyperparameters cannot be changed, even by sudo. */
export function inAdminFreezeWindow(state: RuntimeState, netuid: number, block: number): boolean {
  const next = nextEpochStart(state, netuid);
  if (next === undefined) return false;
  return next - BigInt(block) < BigInt(s.AdminFreezeWindow.get(state));
}

/** Epoch index used by commitments and commit-reveal: one ahead in a block in which an epoch is due. */
export function lookAheadEpoch(state: RuntimeState, netuid: number, block: number): bigint {
  return s.SubnetEpochIndex.get(state, netuid) + (epochDue(state, netuid, block) ? 1n : 0n);
}

function ensureOwnerOrRoot(state: RuntimeState, origin: Origin, netuid: number): void {
  if (origin.kind === 'root') return;
  if (ensureSigned(origin) !== s.SubnetOwner.get(state, netuid)) throw badOrigin();
}

function setTempo(context: Context, origin: Origin, { netuid, tempo }: { netuid: number; tempo: number }): void {
  const { state, block } = context;
  ensureOwnerOrRoot(state, origin, netuid);
  ensure(subnetExists(state, netuid), 'SubnetNotExists');
  ensure(tempo >= MIN_TEMPO && tempo <= MAX_TEMPO, 'TempoOutOfBounds');
  ensure(!inAdminFreezeWindow(state, netuid, block), 'AdminActionProhibitedDuringWeightsWindow');
  s.Tempo.put(state, netuid, tempo);
  s.LastEpochBlock.put(state, netuid, BigInt(block));
  context.deposit('SubtensorModule', 'TempoSet', [netuid, tempo]);
}

function triggerEpoch(context: Context, origin: Origin, { netuid }: { netuid: number }): void {
  const { state, block } = context;
  ensureOwnerOrRoot(state, origin, netuid);
  ensure(subnetExists(state, netuid), 'SubnetNotExists');
  ensure(!s.CommitRevealWeightsEnabled.get(state, netuid), 'DynamicTempoBlockedByCommitReveal');
  ensure(s.PendingEpochAt.get(state, netuid) === 0n, 'EpochTriggerAlreadyPending');
  const firesAt = BigInt(block + s.AdminFreezeWindow.get(state));
  const next = nextEpochStart(state, netuid);
  ensure(next === undefined || next > firesAt, 'AutoEpochAlreadyImminent');
  s.PendingEpochAt.put(state, netuid, firesAt);
  const by = origin.kind === 'signed' ? origin.who : s.SubnetOwner.get(state, netuid);
  context.deposit('SubtensorModule', 'EpochTriggered', { netuid, by, fires_at: firesAt });
}

export const epochCalls: Readonly<Record<string, CallDescription>> = {
  set_tempo: { index: 139, args: { netuid: 'u16', tempo: 'u16' }, dispatch: setTempo },
  trigger_epoch: { index: 141, args: { netuid: 'u16' }, dispatch: triggerEpoch },
};
