import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { baseImage, docker } from '../../packages/runner/test/docker/docker-cli.ts';
import { ROOT } from './network.ts';

const run = promisify(execFile);
/** Containers of a job, running or not, by full id. */
export const containersOf = async (job: string): Promise<string[]> =>
  (await docker('ps', '-aq', '--no-trunc', '--filter', `label=tuning.job=train-${job}`)).split('\n').filter(Boolean);

/** What all containers of the engine have mounted, as text. */
export async function allMounts(): Promise<string> {
  const ids = (await docker('ps', '-aq')).split('\n').filter(Boolean);
  return ids.length === 0 ? '' : docker('inspect', '--format', '{{json .Mounts}}', ...ids);
}

/** The CPU trainer's image. Built anew each time, because it holds the checkout's own code. */
export async function trainerImage(): Promise<string> {
  const name = 'tuning-trainer-cpu:test';
  await run(join(ROOT, 'docker/build-trainer-cpu.sh'), [name, await baseImage()], { cwd: ROOT });
  return name;
}
