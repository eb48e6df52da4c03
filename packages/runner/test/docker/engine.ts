import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { createDockerRunner, type DockerRunnerOptions, type JobSpec, type Runner } from '../../src/index.ts';
import { baseImage, docker, hasEngine, IMAGE } from './docker-cli.ts';

/** Whether an engine answers; it then has the tests' image. */
export async function hasImage(): Promise<boolean> {
  if (!(await hasEngine())) return false;
  await baseImage();
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
