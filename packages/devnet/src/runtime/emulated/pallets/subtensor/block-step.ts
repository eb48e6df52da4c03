import type { RuntimeState } from '../../../runtime.ts';
import type { Context } from '../../pallet.ts';
import { runEpoch } from './epoch.ts';
import { epochDue } from './epoch-schedule.ts';
import { decayBurn } from './registration.ts';
import { creditHotkey } from './staking.ts';
import { subtensor as s } from './storage.ts';

/** Alpha that a running subnet emits per block, RAO. The real amount halves with issuance; a devnet never gets there. */
const ALPHA_PER_BLOCK = 1_000_000_000n;
const U16 = 65_535n;

function subnets(state: RuntimeState): number[] {
  const found: number[] = [];
  for (let netuid = 0; found.length < s.TotalNetworks.get(state) && netuid < 0xffff; netuid++) {
    if (s.NetworksAdded.get(state, netuid)) found.push(netuid);
  }
  return found;
}

/** What happens in every block before its extrinsics: prices, emission, epochs that are due. */
export function blockStep(context: Context): void {
  const { state, block } = context;
  const all = subnets(state);
  for (const netuid of all) {
    if (s.RegistrationsThisBlock.get(state, netuid) > 0) s.RegistrationsThisBlock.put(state, netuid, 0);
    if (netuid === 0) {
      resetRootInterval(state, block);
      continue;
    }
    decayBurn(state, netuid);
    emit(state, netuid, block);
  }
  let left = s.MaxEpochsPerBlock.get(state);
  for (const netuid of all.filter((one) => one !== 0)) {
    if (!epochDue(state, netuid, block)) {
      s.BlocksSinceLastStep.put(state, netuid, s.BlocksSinceLastStep.get(state, netuid) + 1n);
      continue;
    }
    if (left === 0) {
      const to = BigInt(block + 1);
      s.PendingEpochAt.put(state, netuid, to);
      context.deposit('SubtensorModule', 'EpochDeferred', { netuid, from_block: BigInt(block), to_block: to });
      continue;
    }
    left--;
    fireEpoch(context, netuid);
  }
}

function resetRootInterval(state: RuntimeState, block: number): void {
  if (block % s.AdjustmentInterval.get(state, 0) === 0) s.RegistrationsThisInterval.put(state, 0, 0);
}

function emit(state: RuntimeState, netuid: number, block: number): void {
  const first = s.FirstEmissionBlockNumber.get(state, netuid);
  if (first === undefined || BigInt(block) < first) return;
  if (!s.SubtokenEnabled.get(state, netuid) || !s.NetworkRegistrationAllowed.get(state, netuid)) return;
  const cut = (ALPHA_PER_BLOCK * BigInt(s.SubnetOwnerCut.get(state))) / U16;
  const half = (ALPHA_PER_BLOCK - cut) / 2n;
  s.PendingOwnerCut.put(state, netuid, s.PendingOwnerCut.get(state, netuid) + cut);
  s.PendingServerEmission.put(state, netuid, s.PendingServerEmission.get(state, netuid) + half);
  s.PendingValidatorEmission.put(state, netuid, s.PendingValidatorEmission.get(state, netuid) + half);
}

function fireEpoch(context: Context, netuid: number): void {
  const { state, block } = context;
  const now = BigInt(block);
  s.LastEpochBlock.put(state, netuid, now);
  s.PendingEpochAt.put(state, netuid, 0n);
  s.SubnetEpochIndex.put(state, netuid, s.SubnetEpochIndex.get(state, netuid) + 1n);
  s.BlocksSinceLastStep.put(state, netuid, 0n);
  const server = s.PendingServerEmission.get(state, netuid);
  const validator = s.PendingValidatorEmission.get(state, netuid);
  const cut = s.PendingOwnerCut.get(state, netuid);
  for (const pot of [s.PendingServerEmission, s.PendingValidatorEmission, s.PendingOwnerCut])
    pot.put(state, netuid, 0n);
  if (s.Owner.has(state, s.SubnetOwnerHotkey.get(state, netuid))) {
    creditHotkey(state, s.SubnetOwnerHotkey.get(state, netuid), netuid, cut);
  }
  if (s.SubnetworkN.get(state, netuid) > 0) runEpoch(context, netuid, server, validator);
  s.LastMechansimStepBlock.put(state, netuid, now);
  s.RegistrationsThisInterval.put(state, netuid, 0);
}
