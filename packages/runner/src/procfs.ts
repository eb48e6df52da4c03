import { readdirSync, readFileSync } from 'node:fs';

/** The fields of /proc/PID/stat used here, see proc_pid_stat(5). */
export interface ProcessStat {
  pid: number;
  /** One letter; `Z` is a zombie: dead, not yet collected by its parent. */
  state: string;
  parent: number;
  group: number;
  session: number;
  /** Start in clock ticks since boot: with the pid it names a process for good, a pid alone is used again. */
  startTime: number;
}

/** Which process it was, so that it is not mistaken for a later one with its pid. */
export interface ProcessIdentity {
  pid: number;
  startTime: number;
  /** Differs after each start of the machine. */
  bootId: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // ENOENT, or ESRCH when the process ends during the read: it is gone.
    return undefined;
  }
}

/** The process's entry, or undefined where it is gone. */
export function readStat(pid: number): ProcessStat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The command's name stands in parentheses and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: Number(fields[19]),
  };
}

export function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** Identity of a live process, or undefined. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime, bootId: bootId() };
}

/** Whether that very process still runs. A zombie does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false;
  const stat = readStat(identity.pid);
  return stat !== undefined && stat.startTime === identity.startTime && stat.state !== 'Z' && stat.state !== 'X';
}

/** Every live process of the machine (zombies left out). */
export function processTable(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined && stat.state !== 'Z' && stat.state !== 'X') as ProcessStat[];
}

/** Processes in the leader's session or group, and the descendants of these. */
export function familyOf(leader: number, table: readonly ProcessStat[]): ProcessStat[] {
  const family = new Map<number, ProcessStat>();
  for (const stat of table) {
    if (stat.pid === leader || stat.group === leader || stat.session === leader) family.set(stat.pid, stat);
  }
  for (let size = -1; size !== family.size; ) {
    size = family.size;
    for (const stat of table) if (family.has(stat.parent)) family.set(stat.pid, stat);
  }
  return [...family.values()];
}

/**
 * Processes that were started with `NAME=value` in their environment, ours included: how a job's process is found that
 * left its session and whose parent has gone.
 */
export function carriersOf(variable: string, table: readonly ProcessStat[]): ProcessStat[] {
  return table.filter(({ pid }) => `\0${read(`/proc/${pid}/environ`) ?? ''}`.includes(`\0${variable}\0`));
}

/** Resident memory in bytes; 0 for a process that is gone. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return Number(kib ?? 0) * 1024;
}
