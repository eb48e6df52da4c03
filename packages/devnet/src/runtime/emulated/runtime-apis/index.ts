import type { RuntimeApi } from '../metadata/runtime-api.ts';
import { type CoreApiSources, coreApis } from './core.ts';
import { stakeApis } from './stakes.ts';
import { subnetApis } from './subnets.ts';

export function createRuntimeApis(sources: CoreApiSources): readonly RuntimeApi[] {
  return [...coreApis(sources), ...subnetApis(), ...stakeApis()];
}
