import type { RuntimeState } from '../../../runtime.ts';
import { wide } from '../../fixed-point.ts';
import { subtensor as s } from './storage.ts';

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

/** Links a new hotkey to its coldkey. */
export function createAccount(state: RuntimeState, coldkey: string, hotkey: string): void {
  if (hotkeyExists(state, hotkey)) return;
  s.Owner.put(state, hotkey, coldkey);
  const owned = s.OwnedHotkeys.get(state, coldkey);
  if (!owned.includes(hotkey)) s.OwnedHotkeys.put(state, coldkey, [...owned, hotkey]);
}

const VECTORS = [
  [s.Active, true],
  [s.ValidatorPermit, false],
  [s.Consensus, 0],
  [s.Incentive, 0],
  [s.Dividends, 0],
  [s.ValidatorTrust, 0],
  [s.StakeWeight, 0],
  [s.Emission, 0n],
] as const;

/** Gives `hotkey` the next uid. LastUpdate = now, so the weights rate limit starts at registration. */
export function appendNeuron(state: RuntimeState, netuid: number, hotkey: string, block: number): number {
  const uid = s.SubnetworkN.get(state, netuid);
  s.SubnetworkN.put(state, netuid, uid + 1);
  for (const [item, value] of VECTORS) item.put(state, netuid, [...item.get(state, netuid), value] as never);
  s.LastUpdate.put(state, netuid, [...s.LastUpdate.get(state, netuid), BigInt(block)]);
  enter(state, netuid, uid, hotkey, block);
  return uid;
}

/** Puts `hotkey` in the place of whoever holds `uid`. */
export function replaceNeuron(state: RuntimeState, netuid: number, uid: number, hotkey: string, block: number): void {
  const old = s.Keys.get(state, netuid, uid);
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
  for (const [item, value] of VECTORS) {
    const vector = [...item.get(state, netuid)] as unknown[];
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

/**
 * Whom a registration on a full subnet replaces: among uids outside immunity the lowest emission, then the earliest
 * registration, then the lowest uid, but only while more than MinNonImmuneUids are outside it; else the same order
 * among the immune. The owner's own hotkey is never replaced. undefined when nobody can be.
 */
export function neuronToPrune(state: RuntimeState, netuid: number, block: number): number | undefined {
  const n = s.SubnetworkN.get(state, netuid);
  const emission = s.Emission.get(state, netuid);
  const immunity = s.ImmunityPeriod.get(state, netuid);
  const owner = s.SubnetOwnerHotkey.get(state, netuid);
  const candidates = Array.from({ length: n }, (_, uid) => {
    const registered = Number(s.BlockAtRegistration.get(state, netuid, uid));
    return { uid, registered, emission: emission[uid] ?? 0n, immune: block - registered < immunity };
  }).filter(({ uid }) => s.Keys.get(state, netuid, uid) !== owner);
  const outside = candidates.filter(({ immune }) => !immune);
  const pool =
    outside.length > s.MinNonImmuneUids.get(state, netuid) ? outside : candidates.filter(({ immune }) => immune);
  pool.sort((a, b) => Number(a.emission - b.emission) || a.registered - b.registered || a.uid - b.uid);
  return pool[0]?.uid;
}
