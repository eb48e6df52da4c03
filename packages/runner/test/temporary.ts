import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { createProcessRunner, type JobSpec, type Runner, stopAllJobs } from '../src/index.ts';

export interface Workplace {
  readonly root: string;
  runner(): Promise<Runner>;
  /** A spec that runs `script` as a node program in a fresh job folder. */
  spec(id: string, script: string, more?: Partial<Omit<JobSpec, 'limits'>> & { limits?: object }): Promise<JobSpec>;
}

/**
 * Registry and job folders that go with the test, together with every job left in them. Takes the test's own context,
 * for concurrent tests share the global one.
 */
export async function workplace({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'tuning-runner-'));
  const root = join(folder, 'registry');
  const runners: Runner[] = [];
  onTestFinished(async () => {
    await Promise.all(runners.map((runner) => runner.close()));
    await stopAllJobs(root, { graceMs: 0 });
    await rm(folder, { recursive: true, force: true });
  });
  return {
    root,
    runner: async () => {
      const runner = await createProcessRunner({ root });
      runners.push(runner);
      return runner;
    },
    spec: async (id, script, more = {}) => {
      const dir = join(folder, id);
      await mkdir(dir, { recursive: true });
      return {
        id,
        dir,
        command: [process.execPath, '-e', script],
        labels: { tuning: 'test' },
        ...more,
        limits: { wallMs: 60_000, memoryBytes: 1024 ** 3, outputBytes: 1024 ** 2, graceMs: 2_000, ...more.limits },
      };
    },
  };
}

/** Pids of live processes that carry the job folder's variable: what a job has left behind. */
export async function processesOf(dir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.includes(`TUNING_JOB_DIR=${dir}\0`) ? Number(pid) : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}
