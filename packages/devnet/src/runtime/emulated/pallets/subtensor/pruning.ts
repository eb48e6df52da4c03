import type { RuntimeState } from '../../../runtime.ts';
import { subtensor as s } from './storage.ts';

/**
 * Hotkeys of the subnet's owner that nobody replaces: the ImmuneOwnerUidsLimit that registered first, the subnet's owner
 * hotkey before all others (get_immune_owner_tuples of subnets/registration.rs).
 */
function immortalHotkeys(state: RuntimeState, netuid: number): string[] {
  const limit = s.ImmuneOwnerUidsLimit.get(state, netuid);
  const ofOwner = s.OwnedHotkeys.get(state, s.SubnetOwner.get(state, netuid)).flatMap((hotkey) => {
    const uid = s.Uids.get(state, netuid, hotkey);
    return uid === undefined ? [] : [{ hotkey, uid, registered: s.BlockAtRegistration.get(state, netuid, uid) }];
  });
  ofOwner.sort((a, b) => Number(a.registered - b.registered) || a.uid - b.uid);
  const kept = ofOwner.slice(0, limit).map(({ hotkey }) => hotkey);
  if (!s.SubnetOwnerHotkey.has(state, netuid)) return kept;
  const first = s.SubnetOwnerHotkey.get(state, netuid);
  if (kept.includes(first) || !s.Uids.has(state, netuid, first)) return kept;
  return [first, ...kept].slice(0, limit);
}

/**
 * Whom a registration on a full subnet replaces: among uids outside immunity the lowest emission, then the earliest
 * registration, then the lowest uid, but only while more than MinNonImmuneUids are outside it; else the same order
 * among the immune. undefined when nobody can be (get_neuron_to_prune of subnets/registration.rs).
 */
export function neuronToPrune(state: RuntimeState, netuid: number, block: number): number | undefined {
  const n = s.SubnetworkN.get(state, netuid);
  const emission = s.Emission.get(state, netuid);
  const immunity = s.ImmunityPeriod.get(state, netuid);
  const immortal = new Set(immortalHotkeys(state, netuid));
  const candidates = Array.from({ length: n }, (_, uid) => {
    const registered = Number(s.BlockAtRegistration.get(state, netuid, uid));
    return { uid, registered, emission: emission[uid] ?? 0n, immune: block - registered < immunity };
  }).filter(({ uid }) => s.Keys.has(state, netuid, uid) && !immortal.has(s.Keys.get(state, netuid, uid)));
  const outside = candidates.filter(({ immune }) => !immune);
  const pool =
    outside.length > s.MinNonImmuneUids.get(state, netuid) ? outside : candidates.filter(({ immune }) => immune);
  pool.sort((a, b) => Number(a.emission - b.emission) || a.registered - b.registered || a.uid - b.uid);
  return pool[0]?.uid;
}
