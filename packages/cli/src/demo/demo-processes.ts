import { readdirSync, readFileSync } from 'node:fs';

/** Every process that the demo starts carries `TUNING_DEMO=<folder>`; sealed jobs have an environment of their own. */
export const DEMO_MARK = 'TUNING_DEMO';

/** Pids of the demo's own processes: what was started with its mark, wherever it hangs in the tree by now. */
export function markedProcesses(folder: string): number[] {
  const mark = `\0${DEMO_MARK}=${folder}\0`;
  return pids().filter((pid) => pid !== process.pid && `\0${read(`/proc/${pid}/environ`)}\0`.includes(mark));
}

/**
 * Resident memory in bytes of the calling process and of all whose command line or environment names the folder, sealed
 * jobs and their supervisors included. Pages that processes share are counted once for each.
 */
export function residentBytes(folder: string): number {
  let total = 0;
  for (const pid of pids()) {
    const ours =
      pid === process.pid ||
      read(`/proc/${pid}/cmdline`).includes(folder) ||
      read(`/proc/${pid}/environ`).includes(folder);
    if (ours) total += Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
  }
  return total;
}

function pids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // ENOENT or ESRCH: gone; EACCES: another user's, so not ours.
    return '';
  }
}
