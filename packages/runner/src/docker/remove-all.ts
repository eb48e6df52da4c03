import { join } from 'node:path';
import { pathExists } from '@tuning/kit';
import { labelNames } from './container-options.ts';
import { dockerEngine } from './engine.ts';
import { registryName } from './registry-name.ts';

/**
 * Kills and removes every container of the registry under `root`, without a runner: for what a killed daemon left. A folder
 * that never had a docker runner has none. Resolves to how many there were.
 * @throws what the engine answers, where there is a registry and no engine.
 */
export async function removeAllContainers(root: string): Promise<number> {
  if (!(await pathExists(join(root, 'docker.json')))) return 0;
  const { short: engine } = await dockerEngine();
  const filters = { label: [`${labelNames.registry}=${await registryName(root)}`] };
  const containers = await engine.listContainers({ all: true, filters });
  await Promise.all(containers.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })));
  return containers.length;
}
