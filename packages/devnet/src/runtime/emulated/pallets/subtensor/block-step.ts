import type { RuntimeState } from '../../../runtime.ts';
import type { Context } from '../../pallet.ts';
import { distributeEmission, emit, type Pending, takePending } from './emission.ts';
import { epochDue } from './epoch-schedule.ts';
import { decayBurn } from './registration-price.ts';
import { subtensor as s } from './storage.ts';
import { revealTimelocked } from './timelocked-weights.ts';

function subnets(state: RuntimeState): number[] {
  const found: number[] = [];
  for (let netuid = 0; found.length < s.TotalNetworks.get(state) && netuid < 0xffff; netuid++) {
    if (s.NetworksAdded.get(state, netuid)) found.push(netuid);
  }
  return found;
}

/** What happens in every block before its extrinsics, in the order of coinbase/block_step.rs. */
export function blockStep(context: Context): void {
  const { state, block } = context;
  const all = subnets(state);
  for (const netuid of all) {
    decayBurn(state, netuid, block);
    s.RegistrationsThisBlock.put(state, netuid, 0);
    // Root has no epochs that would move its schedule on: once the first is due, every block counts as an interval.
    if (netuid === 0 && epochDue(state, netuid, block)) s.RegistrationsThisInterval.put(state, netuid, 0);
  }
  const live = all.filter((netuid) => netuid !== 0);
  const deferred = deferredSubnets(state, live, block);
  for (const netuid of live) if (!deferred.has(netuid)) revealTimelocked(context, netuid);
  for (const netuid of live) emit(state, netuid);
  for (const [netuid, pending] of drain(context, live)) {
    distributeEmission(context, netuid, pending);
    s.LastMechansimStepBlock.put(state, netuid, BigInt(block));
  }
}

/** Subnets whose epoch is due but must wait for the next block (epochs_deferred_this_block of run_coinbase.rs). */
function deferredSubnets(state: RuntimeState, netuids: readonly number[], block: number): Set<number> {
  const limit = s.MaxEpochsPerBlock.get(state);
  const deferred = new Set<number>();
  let running = 0;
  for (const netuid of netuids) {
    if (!epochDue(state, netuid, block)) continue;
    if (running >= limit) deferred.add(netuid);
    else if (hotkeysAreUnique(state, netuid)) running++;
  }
  return deferred;
}

/** An epoch over a uid table that holds a hotkey twice would be wrong, so it is skipped. */
function hotkeysAreUnique(state: RuntimeState, netuid: number): boolean {
  const uids = s.Keys.keysUnder(state, netuid);
  return new Set(uids.map((uid) => s.Keys.get(state, netuid, uid))).size === uids.length;
}

/** Moves the schedule on and takes what the epochs of this block have to give out (drain_pending of run_coinbase.rs). */
function drain(context: Context, netuids: readonly number[]): Map<number, Pending> {
  const { state, block } = context;
  const now = BigInt(block);
  const taken = new Map<number, Pending>();
  for (const netuid of netuids) {
    s.BlocksSinceLastStep.put(state, netuid, s.BlocksSinceLastStep.get(state, netuid) + 1n);
    if (!epochDue(state, netuid, block)) continue;
    if (taken.size >= s.MaxEpochsPerBlock.get(state)) {
      s.PendingEpochAt.put(state, netuid, now + 1n);
      context.deposit('SubtensorModule', 'EpochDeferred', { netuid, from_block: now, to_block: now + 1n });
      continue;
    }
    if (hotkeysAreUnique(state, netuid)) {
      s.BlocksSinceLastStep.put(state, netuid, 0n);
      taken.set(netuid, takePending(state, netuid));
    } else {
      context.deposit('SubtensorModule', 'EpochSkipped', { netuid, block: now });
    }
    s.LastEpochBlock.put(state, netuid, now);
    s.PendingEpochAt.put(state, netuid, 0n);
    s.SubnetEpochIndex.put(state, netuid, s.SubnetEpochIndex.get(state, netuid) + 1n);
  }
  return taken;
}
