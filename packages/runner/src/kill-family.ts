import { sleep } from '@tuning/kit';
import { carriersOf, familyOf, type ProcessIdentity, type ProcessStat, processTable, readStat } from './procfs.ts';

/** A killed process goes away within milliseconds unless it hangs in the kernel; then nothing here can help. */
const KILL_ROUNDS = 100;
const ROUND_MS = 20;

/** The environment variable by which a job finds its folder, and we find the job's stray processes. */
export const jobDirVariable = (dir: string) => `TUNING_JOB_DIR=${dir}`;

/** Every live process of a job: its session, group and descendants, and strays that carry its folder's name. */
export function jobProcesses(dir: string, leader: ProcessIdentity | undefined): ProcessStat[] {
  const table = processTable();
  const found = new Map<number, ProcessStat>();
  // Without the check, a new process with the leader's old pid would be taken for the job.
  const current = leader && readStat(leader.pid);
  const reused = leader && current && current.startTime !== leader.startTime;
  if (leader && !reused) for (const stat of familyOf(leader.pid, table)) found.set(stat.pid, stat);
  for (const stat of carriersOf(jobDirVariable(dir), table)) found.set(stat.pid, stat);
  found.delete(process.pid);
  return [...found.values()];
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it has already gone.
  }
}

/** SIGKILL to all of a job's processes until none is left. False where some did not go. */
export async function killJob(dir: string, leader: ProcessIdentity | undefined): Promise<boolean> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const left = jobProcesses(dir, leader);
    if (left.length === 0) return true;
    for (const { pid } of left) sendSignal(pid, 'SIGKILL');
    await sleep(ROUND_MS);
  }
  return false;
}
