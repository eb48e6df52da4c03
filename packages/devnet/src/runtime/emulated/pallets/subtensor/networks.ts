import type { RuntimeState } from '../../../runtime.ts';
import { badOrigin, type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { ensure } from './errors.ts';
import { appendNeuron, createAccount, hotkeyExists, subnetExists } from './neurons.ts';
import { subtensor as s } from './storage.ts';
import { canPay, isSubnetAccount, payToSubnet } from './subnet-account.ts';

/** Explicit settings of a new subnet (subnets/subnet.rs): they differ from the storage defaults. RAO, blocks. */
const NEW_SUBNET = {
  maxUids: 256,
  maxValidators: 64,
  minAllowedWeights: 1,
  immunityPeriod: 5000,
  burn: 1_000_000_000n,
};

const NETWORK_LAST_REGISTERED = { kind: 'NetworkLastRegistered', value: [] };

/** What register_network costs now, RAO: doubles with each registration, then falls linearly to the minimum. */
export function networkLockCost(state: RuntimeState, block: number): bigint {
  const last = s.NetworkLastLockCost.get(state);
  const lastBlock = s.LastRateLimitedBlock.get(state, NETWORK_LAST_REGISTERED);
  const interval = s.NetworkLockReductionInterval.get(state);
  const multiplier = lastBlock === 0n ? 1n : 2n;
  const fall = interval === 0n ? 0n : (last / interval) * (BigInt(block) - lastBlock);
  const cost = last * multiplier - fall;
  const minimum = s.NetworkMinLockCost.get(state);
  return cost < minimum ? minimum : cost;
}

/** The first network of a chain is not limited. */
export function networkRateLimited(state: RuntimeState, block: number): boolean {
  const last = s.LastRateLimitedBlock.get(state, NETWORK_LAST_REGISTERED);
  return last !== 0n && BigInt(block) - last < s.NetworkRateLimit.get(state);
}

/** Writes an empty subnet's tables. */
export function createSubnet(state: RuntimeState, netuid: number, block: number): void {
  s.NetworksAdded.put(state, netuid, true);
  s.SubnetworkN.put(state, netuid, 0);
  s.TotalNetworks.put(state, s.TotalNetworks.get(state) + 1);
  s.NetworkRegisteredAt.put(state, netuid, BigInt(block));
}

/** do_register_network of subnets/subnet.rs, and its init_new_network. */
function registerNetwork(context: Context, origin: Origin, hotkey: string): void {
  const { state, block } = context;
  const coldkey = ensureSigned(origin);
  if (hotkeyExists(state, hotkey)) ensure(s.Owner.get(state, hotkey) === coldkey, 'NonAssociatedColdKey');
  ensure(!isSubnetAccount(hotkey), 'CannotUseSystemAccount');
  ensure(BigInt(block) >= s.NetworkRegistrationStartBlock.get(state), 'SubNetRegistrationDisabled');
  ensure(!networkRateLimited(state, block), 'NetworkTxRateLimitExceeded');
  // Root does not count. The real chain would prune a subnet past its immunity; an emulated one never has 128.
  ensure(s.TotalNetworks.get(state) - 1 < s.SubnetLimit.get(state), 'SubnetLimitReached');
  const cost = networkLockCost(state, block);
  ensure(canPay(context, coldkey, cost), 'CannotAffordLockCost');

  let netuid = 1;
  while (subnetExists(state, netuid)) netuid++;
  createSubnet(state, netuid, block);
  setNewSubnetParameters(context, netuid);
  const locked = payToSubnet(context, netuid, coldkey, cost);
  s.NetworkLastLockCost.put(state, locked);
  s.LastRateLimitedBlock.put(state, NETWORK_LAST_REGISTERED, BigInt(block));
  createAccount(state, coldkey, hotkey);
  appendNeuron(state, netuid, hotkey, block);
  s.SubnetMechanism.put(state, netuid, 1);
  const minimum = s.NetworkMinLockCost.get(state);
  const pool = locked < minimum ? minimum : locked;
  s.SubnetTAO.put(state, netuid, pool);
  s.SubnetAlphaIn.put(state, netuid, pool);
  s.SubnetOwner.put(state, netuid, coldkey);
  s.SubnetOwnerHotkey.put(state, netuid, hotkey);
  context.deposit('SubtensorModule', 'SubnetOwnerHotkeySet', [netuid, hotkey]);
  s.SubnetLocked.put(state, netuid, locked);
  s.SubnetAlphaOut.put(state, netuid, 0n);
  s.RAORecycledForRegistration.put(state, netuid, 0n);
  s.TotalStake.put(state, s.TotalStake.get(state) + pool);
  context.deposit('SubtensorModule', 'NetworkAdded', [netuid, 1]);
  s.SubnetEmissionEnabled.put(state, netuid, false);
}

/** What a new subnet has of its own at once, whatever the storage defaults become later; some of it is announced. */
function setNewSubnetParameters(context: Context, netuid: number): void {
  const { state, block } = context;
  const announce = (event: string, value: unknown): void => context.deposit('SubtensorModule', event, [netuid, value]);
  const tempo = s.Tempo.get(state, netuid);
  s.Tempo.put(state, netuid, tempo);
  s.LastEpochBlock.put(state, netuid, BigInt(Math.max(0, block - (netuid % Math.max(1, tempo)))));
  s.NetworkRegistrationAllowed.put(state, netuid, true);
  announce('RegistrationAllowed', true);
  s.MaxAllowedUids.put(state, netuid, NEW_SUBNET.maxUids);
  announce('MaxAllowedUidsSet', NEW_SUBNET.maxUids);
  s.MaxAllowedValidators.put(state, netuid, NEW_SUBNET.maxValidators);
  announce('MaxAllowedValidatorsSet', NEW_SUBNET.maxValidators);
  s.MinAllowedWeights.put(state, netuid, NEW_SUBNET.minAllowedWeights);
  announce('MinAllowedWeightSet', NEW_SUBNET.minAllowedWeights);
  s.ImmunityPeriod.put(state, netuid, NEW_SUBNET.immunityPeriod);
  announce('ImmunityPeriodSet', NEW_SUBNET.immunityPeriod);
  s.Yuma3On.put(state, netuid, true);
  s.Burn.put(state, netuid, NEW_SUBNET.burn);
  s.Kappa.put(state, netuid, s.Kappa.get(state, netuid));
  s.ActivityCutoff.put(state, netuid, s.ActivityCutoff.get(state, netuid));
  s.RegistrationsThisInterval.put(state, netuid, 0);
}

function startCall(context: Context, origin: Origin, netuid: number): void {
  const { state, block } = context;
  ensure(subnetExists(state, netuid), 'SubnetNotExists');
  if (ensureSigned(origin) !== s.SubnetOwner.get(state, netuid)) throw badOrigin();
  ensure(!s.FirstEmissionBlockNumber.has(state, netuid), 'FirstEmissionBlockNumberAlreadySet');
  const earliest = s.NetworkRegisteredAt.get(state, netuid) + s.StartCallDelay.get(state);
  ensure(BigInt(block) >= earliest, 'NeedWaitingMoreBlocksToStarCall');
  const first = BigInt(block + 1);
  s.FirstEmissionBlockNumber.put(state, netuid, first);
  s.SubtokenEnabled.put(state, netuid, true);
  context.deposit('SubtensorModule', 'FirstEmissionBlockNumberSet', [netuid, first]);
}

export const networkCalls: Readonly<Record<string, CallDescription>> = {
  register_network: {
    index: 59,
    args: { hotkey: 'AccountId32' },
    dispatch: (context, origin, { hotkey }: { hotkey: string }) => registerNetwork(context, origin, hotkey),
  },
  start_call: {
    index: 92,
    args: { netuid: 'u16' },
    dispatch: (context, origin, { netuid }: { netuid: number }) => startCall(context, origin, netuid),
  },
};
