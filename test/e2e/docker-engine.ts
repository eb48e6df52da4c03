import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './network.ts';

const run = promisify(execFile);
const BASE_IMAGE = 'tuning-base:test';

/** The command line client: what it says of a container does not come from our code. */
export const docker = async (...args: string[]): Promise<string> => (await run('docker', args)).stdout.trim();

/** Whether an engine answers. With REQUIRE_DOCKER=1 a missing one is an error, so that a check never passes by itself. */
export async function hasEngine(): Promise<boolean> {
  try {
    await docker('version', '--format', '{{.Server.Version}}');
  } catch (error) {
    if (process.env['REQUIRE_DOCKER'] === '1') throw error;
    return false;
  }
  return true;
}

/** Containers of a job, running or not, by full id. */
export const containersOf = async (job: string): Promise<string[]> =>
  (await docker('ps', '-aq', '--no-trunc', '--filter', `label=tuning.job=train-${job}`)).split('\n').filter(Boolean);

/** What all containers of the engine have mounted, as text. */
export async function allMounts(): Promise<string> {
  const ids = (await docker('ps', '-aq')).split('\n').filter(Boolean);
  return ids.length === 0 ? '' : docker('inspect', '--format', '{{json .Mounts}}', ...ids);
}

/** The base image of the tests, made where the engine has none. */
export async function baseImage(): Promise<string> {
  const known = await docker('image', 'inspect', '--format', '{{.Id}}', BASE_IMAGE).catch(() => undefined);
  if (known === undefined) await run(join(ROOT, 'docker/local-base.sh'), [BASE_IMAGE], { cwd: ROOT });
  return BASE_IMAGE;
}

/** The CPU trainer's image. Built anew each time, because it holds the checkout's own code. */
export async function trainerImage(): Promise<string> {
  const name = 'tuning-trainer-cpu:test';
  await run(join(ROOT, 'docker/build-trainer-cpu.sh'), [name, await baseImage()], { cwd: ROOT });
  return name;
}
