import { join } from 'node:path';
import { sleep } from '@tuning/kit';
import { killJob, sendSignal } from './kill-family.ts';
import { isAlive } from './procfs.ts';
import {
  claimSupervision,
  listJobIds,
  NO_SUPERVISOR,
  readExit,
  readJobFile,
  readProcess,
  readSupervisor,
  writeExit,
} from './registry.ts';

const POLL_MS = 50;
/** What a supervisor needs after the last process of its job has gone. */
const SLACK_MS = 3_000;

/**
 * Stops every job registered under `root` and waits for its end: SIGTERM, the job's grace time (or `graceMs`, if less),
 * SIGKILL. Needs no runner, so it also works after a daemon was killed; a daemon that still lives should be ended first,
 * for it would start jobs again. Resolves to how many were running.
 */
export async function stopAllJobs(root: string, options: { graceMs?: number } = {}): Promise<number> {
  const ids = await listJobIds(root);
  const stopped = await Promise.all(ids.map((id) => stopJob(join(root, id), options.graceMs ?? Infinity)));
  return stopped.filter(Boolean).length;
}

async function stopJob(folder: string, graceLimitMs: number): Promise<boolean> {
  const job = await readJobFile(folder).catch(() => undefined);
  if (!job || (await readExit(folder).catch(() => undefined))) return false;
  // Where no supervisor has begun yet, none can any more.
  const never = await claimSupervision(folder, NO_SUPERVISOR);
  const supervisor = await readSupervisor(folder);
  const running = !never && supervisor !== undefined && isAlive(supervisor);
  if (running) {
    sendSignal(supervisor.pid, 'SIGTERM');
    const graceMs = Math.min(job.spec.limits.graceMs, graceLimitMs);
    await gone(() => !isAlive(supervisor), graceMs + (graceMs < job.spec.limits.graceMs ? 0 : SLACK_MS));
    // The command first: its supervisor then still writes the result by itself.
    await killJob(job.spec.dir, await readProcess(folder));
    await gone(() => !isAlive(supervisor), SLACK_MS);
    if (isAlive(supervisor)) sendSignal(supervisor.pid, 'SIGKILL');
    await gone(() => !isAlive(supervisor), SLACK_MS);
  }
  await killJob(job.spec.dir, await readProcess(folder));
  if (!(await readExit(folder))) {
    const endedAt = Date.now();
    await writeExit(folder, {
      outcome: 'stopped',
      exitCode: null,
      reason: 'stopped with all jobs',
      startedAt: job.createdAt,
      endedAt,
      peakRssBytes: 0,
    });
  }
  return running;
}

async function gone(check: () => boolean, ms: number): Promise<void> {
  for (const end = performance.now() + ms; !check() && performance.now() < end; ) await sleep(POLL_MS);
}
