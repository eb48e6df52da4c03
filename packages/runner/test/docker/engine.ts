import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import { createDockerRunner, type DockerRunnerOptions, type JobSpec, type Runner } from '../../src/index.ts';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../../../../', import.meta.url));
/** This machine's node and busybox, made without a registry. */
export const IMAGE = 'tuning-base:test';

/** The command line client: what it says of a container does not come from our code. */
export const docker = async (...args: string[]): Promise<string> => (await run('docker', args)).stdout.trim();

/** Whether an engine answers. With REQUIRE_DOCKER=1 a missing one is an error, so that a check never passes by itself. */
export async function hasEngine(): Promise<boolean> {
  try {
    await docker('version', '--format', '{{.Server.Version}}');
  } catch (error) {
    if (process.env['REQUIRE_DOCKER'] === '1') throw error;
    process.stderr.write('no Docker engine answers: its tests are skipped (docker/engine.sh start gives one)\n');
    return false;
  }
  const known = await docker('image', 'inspect', '--format', '{{.Id}}', IMAGE).catch(() => undefined);
  if (known === undefined) await run(join(project, 'docker/local-base.sh'), [IMAGE], { cwd: project });
  return true;
}

export interface DockerPlace {
  readonly folder: string;
  readonly root: string;
  runner(options?: Partial<DockerRunnerOptions>): Promise<Runner>;
  /** A job of a fresh folder that runs `script` as a node program (or the given command) and may write to `out`. */
  spec(id: string, script: string, more?: Partial<Omit<JobSpec, 'limits'>> & { limits?: object }): Promise<JobSpec>;
  /** The engine's id of a job's container. */
  containersOf(id: string): Promise<string[]>;
}

export async function dockerPlace({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<DockerPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'tuning-docker-'));
  const root = join(folder, 'registry');
  const runners: Runner[] = [];
  const ids: string[] = [];
  const containersOf = async (id: string) =>
    (
      await docker(
        'ps',
        '-aq',
        '--no-trunc',
        '--filter',
        `label=tuning.job=${id}`,
        '--filter',
        `label=tuning.label.place=${folder}`,
      )
    )
      .split('\n')
      .filter((line) => line !== '');
  onTestFinished(async () => {
    await Promise.all(runners.map((runner) => runner.close()));
    for (const id of ids) for (const container of await containersOf(id)) await docker('rm', '-fv', container);
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    root,
    containersOf,
    runner: async (options = {}) => {
      const runner = await createDockerRunner({ root, engineWaitMs: 0, ...options });
      runners.push(runner);
      return runner;
    },
    spec: async (id, script, more = {}) => {
      const dir = join(folder, id);
      await mkdir(join(dir, 'out'), { recursive: true });
      ids.push(id);
      return {
        id,
        dir,
        image: IMAGE,
        command: ['/usr/bin/node', '-e', script],
        outputs: ['out'],
        ...more,
        labels: { place: folder, ...more.labels },
        limits: {
          wallMs: 60_000,
          memoryBytes: 256 * 1024 ** 2,
          outputBytes: 8 * 1024 ** 2,
          graceMs: 2_000,
          ...more.limits,
        },
      };
    },
  };
}
