import { chmod, chown, lchown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobSpec } from '../job.ts';

/** Who a job is inside its container when the daemon is root: nobody that owns anything on the host. */
const UNPRIVILEGED = 65_534;

/** `uid:gid` for containers: the daemon's own, so that each can read what the other writes; never root. */
export function containerUser(): string {
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? `${UNPRIVILEGED}:${UNPRIVILEGED}` : `${uid}:${process.getgid?.() ?? uid}`;
}

/** Makes the output folders, and where the daemon is root gives the job folder to the container's user. */
export async function handOver(spec: JobSpec, user: string): Promise<void> {
  for (const folder of spec.outputs ?? []) await mkdir(join(spec.dir, folder), { recursive: true });
  if (process.getuid?.() !== 0) return;
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  await chown(spec.dir, uid, gid);
  await chmod(spec.dir, 0o700);
  await chownWithin(spec.dir, uid, gid);
}

async function chownWithin(folder: string, uid: number, gid: number): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    await lchown(path, uid, gid);
    if (entry.isDirectory()) await chownWithin(path, uid, gid);
  }
}
