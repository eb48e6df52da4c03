import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage, OperatorError, TransientError, waitFor } from '@tuning/kit';
import { readSupervisor } from './registry.ts';

/** A start takes some 0.2 s; much longer only on an overloaded machine. */
const LAUNCH_MS = 30_000;
const LAUNCH_POLL_MS = 20;

// From src/ (unit tests run the sources) and from dist/ alike: the supervisor is always the compiled one.
const supervisorFile = fileURLToPath(new URL('../dist/supervisor-main.js', import.meta.url));

/** @throws OperatorError `RUNNER_NOT_BUILT` or `RUNNER_NEEDS_LINUX`. */
export function requireSupervisor(): void {
  if (!existsSync('/proc/self/stat')) {
    throw new OperatorError('RUNNER_NEEDS_LINUX', 'the process runner watches its jobs through /proc: run it on Linux');
  }
  if (!existsSync(supervisorFile)) {
    throw new OperatorError('RUNNER_NOT_BUILT', `${supervisorFile} is missing: run "npm run build"`);
  }
}

/**
 * Makes sure that the job registered in `folder` has had a supervisor. Safe to repeat: only one of them takes the job.
 * The supervisor is in a session of its own, so that neither a signal to the daemon's group nor its death reaches it.
 * @throws TransientError `JOB_NOT_STARTED`; the signal's reason.
 */
export async function ensureSupervisor(id: string, folder: string, signal?: AbortSignal): Promise<void> {
  if (await readSupervisor(folder)) return;
  const errorsPath = join(folder, 'supervisor.err');
  const errors = await open(errorsPath, 'a', 0o600);
  let failure: string | undefined;
  try {
    // 48 MiB of heap are plenty for it: many jobs means many supervisors.
    const child = spawn(process.execPath, ['--max-old-space-size=48', supervisorFile, folder], {
      detached: true,
      stdio: ['ignore', 'ignore', errors.fd],
      env: {
        PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
        ...(process.env['LANG'] ? { LANG: process.env['LANG'] } : {}),
      },
    });
    child.unref();
    child.once('error', (error) => {
      failure = errorMessage(error);
    });
    child.once('exit', (code, by) => {
      failure = `its supervisor ended with ${by ?? `code ${code}`}`;
    });
  } finally {
    await errors.close();
  }
  try {
    await waitFor(
      `the start of job ${id}`,
      async () => {
        const ended = failure;
        if (await readSupervisor(folder)) return true;
        if (ended !== undefined) throw new Error(ended);
        return undefined;
      },
      { ms: LAUNCH_MS, everyMs: LAUNCH_POLL_MS, ...(signal ? { signal } : {}) },
    );
  } catch (error) {
    signal?.throwIfAborted();
    const output = (await readFile(errorsPath, 'utf8').catch(() => '')).trim().slice(-1000);
    throw new TransientError('JOB_NOT_STARTED', `job ${id} did not start: ${errorMessage(error)} ${output}`.trim(), {
      cause: error,
    });
  }
}
