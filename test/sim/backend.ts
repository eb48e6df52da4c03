import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sleep } from '@tuning/kit';
import { stopAllJobs } from '@tuning/runner';
import { isAlive, type ProcessIdentity, processTable } from '../../packages/runner/src/procfs.ts';
import { listJobIds, readProcess, readSupervisor } from '../../packages/runner/src/registry.ts';
import { startOwnEngine } from '../../packages/runner/test/docker/own-engine.ts';

const run = promisify(execFile);
const IMAGE = 'tuning-base:test';

/** Where the simulated miner trains, and what can be killed there. */
export interface Backend {
  readonly minerSettings: { runnerKind: string; image?: string };
  readonly env: Record<string, string>;
  /** Each answers whether there was something to kill of this job. */
  readonly kills: {
    trainer(job: string): Promise<boolean>;
    supervisor?(job: string): Promise<boolean>;
    engine?(): Promise<void>;
  };
  /** Registered jobs, processes and containers that are still there. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

export function openBackend(kind: 'process' | 'docker', folder: string): Promise<Backend> {
  return kind === 'docker' ? dockerBackend(folder) : processBackend(folder);
}

async function processBackend(folder: string): Promise<Backend> {
  const root = join(folder, 'runner');
  const entry = (job: string) => join(root, `train-${job}`);
  const kill = (identity: ProcessIdentity | undefined) => {
    if (!identity || identity.pid === 0 || !isAlive(identity)) return false;
    process.kill(identity.pid, 'SIGKILL');
    return true;
  };
  return {
    minerSettings: { runnerKind: 'process' },
    env: {},
    kills: {
      trainer: async (job) => kill(await readProcess(entry(job)).catch(() => undefined)),
      supervisor: async (job) => kill(await readSupervisor(entry(job)).catch(() => undefined)),
    },
    leftovers: async () => {
      const alive: string[] = [];
      for (const { pid } of processTable()) {
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
        if (environment.includes(`TUNING_JOB_DIR=${folder}/`)) alive.push(`process ${pid}`);
      }
      return [...(await listJobIds(root)), ...alive];
    },
    close: async () => {
      await stopAllJobs(root, { graceMs: 0 });
    },
  };
}

/** With an engine of its own, because it is killed. */
async function dockerBackend(folder: string): Promise<Backend> {
  const engine = await startOwnEngine(`/tmp/ts-${process.pid}`, IMAGE);
  const env = { DOCKER_HOST: engine.host };
  const docker = async (...args: string[]) =>
    (await run('docker', args, { env: { ...process.env, ...env } })).stdout.trim().split('\n').filter(Boolean);
  return {
    minerSettings: { runnerKind: 'docker', image: IMAGE },
    env,
    kills: {
      trainer: async (job) => {
        // The engine may be away.
        const [container] = await docker('ps', '-q', '--filter', `label=tuning.job=train-${job}`).catch(() => []);
        if (container === undefined) return false;
        return docker('kill', container).then(
          () => true,
          () => false,
        );
      },
      engine: async () => {
        await engine.kill();
        await sleep(500);
        await engine.restart();
        for (let tries = 0; tries < 600; tries += 1) {
          const answers = await docker('version').catch(() => undefined);
          if (answers) return;
          await sleep(100);
        }
        throw new Error('the killed engine did not come up again within a minute');
      },
    },
    leftovers: async () => [...(await listJobIds(join(folder, 'runner'))), ...(await docker('ps', '-aq'))],
    close: () => engine.stop(),
  };
}
