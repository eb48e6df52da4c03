import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Names this machine (or container) and its boot: within one, a process id says who is meant. */
export async function hostIdentity(): Promise<{ host: string; boot: string }> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown');
  return { host: hostname(), boot: boot.trim() };
}
