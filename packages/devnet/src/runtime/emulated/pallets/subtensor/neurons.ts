import type { RuntimeState } from '../../../runtime.ts';
import { wide } from '../../fixed-point.ts';
import { ensure } from './errors.ts';
import { subtensor as s } from './storage.ts';
import { isSubnetAccount } from './subnet-account.ts';

/** Reads and writes of the uid table of one subnet. */

export function subnetExists(state: RuntimeState, netuid: number): boolean {
  return s.NetworksAdded.get(state, netuid);
}

export function hotkeyExists(state: RuntimeState, hotkey: string): boolean {
  return s.Owner.has(state, hotkey);
}

/** Uid of the subnet owner's own hotkey; undefined where the subnet has no owner or the hotkey no uid. */
export function ownerUidOf(state: RuntimeState, netuid: number): number | undefined {
  if (!s.SubnetOwnerHotkey.has(state, netuid)) return undefined;
  return s.Uids.get(state, netuid, s.SubnetOwnerHotkey.get(state, netuid));
}

export function isOwnerUid(state: RuntimeState, netuid: number, uid: number): boolean {
  return ownerUidOf(state, netuid) === uid;
}

/**
 * Alpha on the subnet plus root stake scaled by TaoWeight (of 2^64 - 1): what votes and permits go by. RAO as I64F64,
 * that is the integer / 2^64 (get_stake_weights_for_network of staking/stake_utils.rs).
 */
export function stakeWeightFixed(state: RuntimeState, hotkey: string, netuid: number): bigint {
  const weight = wide.div(wide.of(s.TaoWeight.get(state)), wide.of(0xffff_ffff_ffff_ffffn));
  const root = s.TotalHotkeyAlpha.get(state, hotkey, 0) * (weight << 32n);
  return netuid === 0 ? root : (s.TotalHotkeyAlpha.get(state, hotkey, netuid) << 64n) + root;
}

/** The same in whole RAO. */
export function stakeWeightOf(state: RuntimeState, hotkey: string, netuid: number): bigint {
  return stakeWeightFixed(state, hotkey, netuid) >> 64n;
}

/** Links a new hotkey to its coldkey. ModuleError CannotUseSystemAccount where it is a subnet's own account. */
export function createAccount(state: RuntimeState, coldkey: string, hotkey: string): void {
  ensure(!isSubnetAccount(hotkey), 'CannotUseSystemAccount');
  if (hotkeyExists(state, hotkey)) return;
  s.Owner.put(state, hotkey, coldkey);
  for (const item of [s.OwnedHotkeys, s.StakingHotkeys]) {
    const hotkeys = item.get(state, coldkey);
    if (!hotkeys.includes(hotkey)) item.put(state, coldkey, [...hotkeys, hotkey]);
  }
}

const VECTORS = [
  [s.Active, true],
  [s.ValidatorPermit, false],
  [s.Consensus, 0],
  [s.Incentive, 0],
  [s.Dividends, 0],
  [s.ValidatorTrust, 0],
  [s.Emission, 0n],
] as const;
/** The chain does not make room for a new uid in StakeWeight; the next epoch does. */
const RESET_ONLY = [[s.StakeWeight, 0]] as const;

/** Gives `hotkey` the next uid. LastUpdate = now, so the weights rate limit starts at registration. */
export function appendNeuron(state: RuntimeState, netuid: number, hotkey: string, block: number): number {
  const uid = s.SubnetworkN.get(state, netuid);
  s.SubnetworkN.put(state, netuid, uid + 1);
  for (const [item, value] of VECTORS) item.put(state, netuid, [...item.get(state, netuid), value] as never);
  s.LastUpdate.put(state, netuid, [...s.LastUpdate.get(state, netuid), BigInt(block)]);
  enter(state, netuid, uid, hotkey, block);
  return uid;
}

/** Puts `hotkey` in the place of whoever holds `uid`; the subnet owner's own hotkey stays, without an error. */
export function replaceNeuron(state: RuntimeState, netuid: number, uid: number, hotkey: string, block: number): void {
  const old = s.Keys.get(state, netuid, uid);
  if (s.SubnetOwnerHotkey.has(state, netuid) && s.SubnetOwnerHotkey.get(state, netuid) === old) return;
  for (const item of [s.Axons, s.NeuronCertificates, s.Prometheus, s.Uids]) item.remove(state, netuid, old);
  s.IsNetworkMember.remove(state, old, netuid);
  for (let other = 0; other < s.SubnetworkN.get(state, netuid); other++) {
    if (!s.Weights.has(state, netuid, other)) continue;
    const row = s.Weights.get(state, netuid, other);
    s.Weights.put(
      state,
      netuid,
      other,
      row.map(([target, value]) => [target, target === uid ? 0 : value]),
    );
  }
  s.Weights.remove(state, netuid, uid);
  s.Bonds.remove(state, netuid, uid);
  for (const [item, value] of [...VECTORS, ...RESET_ONLY]) {
    const vector = [...item.get(state, netuid)] as unknown[];
    if (uid >= vector.length) continue;
    vector[uid] = value;
    item.put(state, netuid, vector as never);
  }
  setLastUpdate(state, netuid, uid, block);
  enter(state, netuid, uid, hotkey, block);
}

/** What ResetBondsFlag in a commitment asks for, where the subnet allows it: nobody holds bonds to that hotkey any more. */
export function resetBonds(state: RuntimeState, netuid: number, hotkey: string): void {
  if (!s.BondsResetOn.get(state, netuid)) return;
  const uid = s.Uids.get(state, netuid, hotkey);
  if (uid === undefined) return;
  for (const holder of s.Bonds.keysUnder(state, netuid)) {
    const kept = s.Bonds.get(state, netuid, holder).filter(([target]) => target !== uid);
    s.Bonds.put(state, netuid, holder, kept);
  }
}

function enter(state: RuntimeState, netuid: number, uid: number, hotkey: string, block: number): void {
  s.Keys.put(state, netuid, uid, hotkey);
  s.Uids.put(state, netuid, hotkey, uid);
  s.BlockAtRegistration.put(state, netuid, uid, BigInt(block));
  s.IsNetworkMember.put(state, hotkey, netuid, true);
}

export function setLastUpdate(state: RuntimeState, netuid: number, uid: number, block: number): void {
  const updates = s.LastUpdate.get(state, netuid);
  updates[uid] = BigInt(block);
  s.LastUpdate.put(state, netuid, updates);
}
