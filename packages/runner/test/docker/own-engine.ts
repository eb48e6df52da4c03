import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const project = fileURLToPath(new URL('../../../../', import.meta.url));

/** A test that kills an engine starts one of its own. */
export const canStartEngine = process.getuid?.() === 0 && existsSync('/usr/sbin/dockerd');

export interface OwnEngine {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** SIGKILL. Its containers' shims live on, as on any machine. */
  kill(): Promise<void>;
  /** Starts the killed engine again over the same data, as a service manager would. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an engine in `folder` (kept short: docker/engine.sh says why) with the base image of the tests as `image`. */
export async function startOwnEngine(folder: string, image: string): Promise<OwnEngine> {
  const env = { ...process.env, TUNING_ENGINE_DIR: folder, DOCKER_HOST: `unix://${folder}/docker.sock` };
  const script = (verb: string) => run(join(project, 'docker/engine.sh'), [verb], { env });
  await script('start');
  try {
    await run(join(project, 'docker/local-base.sh'), [image], { cwd: project, env });
  } catch (error) {
    await script('stop');
    throw error;
  }
  return {
    host: env.DOCKER_HOST,
    kill: async () => {
      process.kill(Number(await readFile(join(folder, 'docker.pid'), 'utf8')), 'SIGKILL');
    },
    restart: async () => {
      await run('bash', [
        '-c',
        `pkill -KILL -f '[c]ontainerd --config ${folder}/' || true; sleep 2; rm -f ${folder}/docker.pid ${folder}/exec/containerd/containerd.pid`,
      ]);
      const engine = spawn(
        'dockerd',
        [
          ...['--host', env.DOCKER_HOST, '--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`],
          ...['--pidfile', `${folder}/docker.pid`, '--storage-driver', 'overlay2', '--bridge', 'none'],
          ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
          ...['--iptables=false', '--ip6tables=false', '--ip-forward=false'],
        ],
        { detached: true, stdio: 'ignore' },
      );
      engine.unref();
    },
    stop: async () => {
      await script('stop');
    },
  };
}
