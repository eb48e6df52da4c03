import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseImage, docker, hasEngine } from '../../packages/runner/test/docker/docker-cli.ts';
import { ROOT } from './network.ts';

const run = promisify(execFile);
const IMAGE = 'tuning-miner:image-test';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** What a program in the image prints, with no network and nothing writable. */
async function inContainer(program: string, ...args: string[]): Promise<string> {
  const options = ['--rm', '--init', '--network', 'none', '--read-only', '--workdir', '/app'];
  return docker('run', ...options, '--entrypoint', program, IMAGE, ...args);
}

/** The three images are one Dockerfile's stages over the same layers; the miner's has them all beneath it. */
describe.skipIf(!(await hasEngine()))('the image of a daemon', () => {
  beforeAll(async () => {
    await run(join(ROOT, 'docker/build-neuron.sh'), ['miner', IMAGE, await baseImage()], { cwd: ROOT });
  }, 400_000);

  afterAll(() => docker('rmi', '--force', IMAGE));

  it('without arguments says in one line what is missing, and ends with 78', async () => {
    const refused = await run('docker', ['run', '--rm', '--init', '--network', 'none', IMAGE]).catch((error) => error);
    expect(refused.code).toBe(78);
    expect(refused.stderr.trim().split('\n')).toEqual([expect.stringContaining('--netuid is not set')]);
  });

  it('starts all three programs', async () => {
    for (const program of ['neurons/miner.js', 'neurons/validator.js', 'packages/cli/bin/tuning.js']) {
      expect(await inContainer('node', program, '--version')).toBe(version);
    }
  });

  it('has the native libraries of runtime and store', async () => {
    const load = (name: string) => `await import('${name}')`;
    const script = `${['onnxruntime-node', 'libsql'].map(load).join(';')};console.log('loaded')`;
    expect(await inContainer('node', '--input-type=module', '-e', script)).toBe('loaded');
  });

  it('runs as a user without rights, and holds the program alone', async () => {
    const { Config } = JSON.parse(await docker('inspect', '--format', '{{json .}}', IMAGE)) as {
      Config: { User: string; Env: string[]; Healthcheck: unknown; Volumes: unknown };
    };
    expect(Config.User).toBe('1000:1000');
    expect(Config.Healthcheck).toBeDefined();
    expect(Config.Env).toContain('ORT_DISABLE_TELEMETRY=1');
    const ours = ['/app/packages', '/app/neurons'];
    const found = await inContainer('find', ...ours, '-name', 'node_modules', '-prune', '-o', '-type', 'f', '-print');
    const files = found.split('\n');
    expect(files).toContain('/app/neurons/miner.js');
    expect(files.filter((file) => /\.(test\.ts|tsbuildinfo|env|pem)$|\/(src|test|bench)\//.test(file))).toEqual([]);
  });
});
