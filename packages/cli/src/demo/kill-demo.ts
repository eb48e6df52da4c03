import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '@tuning/kit';
import { removeAllContainers, stopAllJobs } from '@tuning/runner';
import { markedProcesses } from './demo-processes.ts';

const ROUNDS = 100;
const ROUND_MS = 20;

/** Kills every process of the demo in that folder at once, its sealed jobs too. What they were writing stays as it is. */
export async function killDemo(folder: string): Promise<void> {
  // The daemons before their jobs: a living one would start them again.
  for (let round = 0; round < ROUNDS; round++) {
    const left = markedProcesses(folder);
    if (left.length === 0) break;
    for (const pid of left) kill(pid);
    await sleep(ROUND_MS);
  }
  await stopDemoJobs(folder, { graceMs: 0 });
}

/** Stops the sealed jobs of all the demo's daemons, see {@link stopAllJobs}. */
export async function stopDemoJobs(folder: string, options: { graceMs?: number } = {}): Promise<void> {
  const data = join(folder, 'data');
  const daemons = await readdir(data).catch(() => []);
  await Promise.all(
    daemons.map(async (name) => {
      // What a miner trains and a validator measures, and a miner's checks of its own models.
      for (const root of ['runner', 'check-runner']) await stopAllJobs(join(data, name, root), options);
      // An engine that has gone took its containers along.
      await removeAllContainers(join(data, name, 'containers')).catch(() => {});
    }),
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: it has already gone.
  }
}
