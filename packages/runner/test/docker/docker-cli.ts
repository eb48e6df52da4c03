import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LOCAL_BASE = fileURLToPath(new URL('../../../../docker/local-base.sh', import.meta.url));
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
  return true;
}

/** The base image of the tests, made where the engine has none. */
export async function baseImage(): Promise<string> {
  const known = await docker('image', 'inspect', '--format', '{{.Id}}', IMAGE).catch(() => undefined);
  if (known === undefined) await run(LOCAL_BASE, [IMAGE]);
  return IMAGE;
}
