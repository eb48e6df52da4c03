import type { RuntimeState } from '../../../runtime.ts';
import { ensure } from './errors.ts';
import { subnetExists } from './neurons.ts';
import { subtensor as s } from './storage.ts';

/** Mechanisms of one subnet keep their weights under index mechanism * 4096 + netuid (subnets/mechanism.rs). */
const SUBNETS_PER_MECHANISM = 4096;

export function mechanismIndex(netuid: number, mecid: number): number {
  return mecid * SUBNETS_PER_MECHANISM + netuid;
}

export function ensureMechanismExists(state: RuntimeState, netuid: number, mecid: number): void {
  ensure(subnetExists(state, netuid) && mecid < s.MechanismCountCurrent.get(state, netuid), 'MechanismDoesNotExist');
}
