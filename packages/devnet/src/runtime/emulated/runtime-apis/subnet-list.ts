import type { RuntimeState } from '../../runtime.ts';
import { subnetExists } from '../pallets/subtensor/neurons.ts';
import { subtensor as s } from '../pallets/subtensor/storage.ts';

/** Netuids of the subnets that exist, in order; root is 0. */
export function netuids(state: RuntimeState): number[] {
  const found: number[] = [];
  const count = s.TotalNetworks.get(state);
  for (let netuid = 0; found.length < count && netuid <= 65_535; netuid++) {
    if (subnetExists(state, netuid)) found.push(netuid);
  }
  return found;
}
