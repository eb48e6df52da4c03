import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '@tuning/kit';
import type { Device } from '@tuning/protocol';
import { RUNTIME_ENVIRONMENT } from '../runtime.ts';
import { cudaFailure } from './cuda-failure.ts';
import { deviceEnvironment } from './devices.ts';

/** The first use of a GPU after a start of the machine, kernels to be compiled and all, takes some ten seconds. */
const CHECK_MS = 120_000;
const OUTPUT_BYTES = 1024 ** 2;

// From src/ (unit tests run the sources) and from dist/ alike: the compiled one.
const CHECK = fileURLToPath(new URL('../../dist/device/cuda-check-main.js', import.meta.url));

/**
 * Makes sure that this machine can measure on `device`, by computing something there in a process with a sealed job's
 * environment. On the CPU there is nothing to look at.
 * @throws OperatorError that says in one line what is missing and what to do (see `cudaFailure`); `CUDA_CHECK_TIMEOUT`; the
 * signal's reason.
 */
export async function requireDevice(device: Device, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
  if (device === 'cpu') return;
  const env = {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: tmpdir(),
    ...RUNTIME_ENVIRONMENT,
    ...deviceEnvironment(device),
  };
  const options = { env, timeout: CHECK_MS, maxBuffer: OUTPUT_BYTES, killSignal: 'SIGKILL' as const };
  const failure = await new Promise<OperatorError | undefined>((resolve) => {
    execFile(process.execPath, [CHECK], { ...options, ...(signal ? { signal } : {}) }, (error, stdout, stderr) => {
      if (!error) resolve(undefined);
      else if (error.killed === true) resolve(timedOut());
      else resolve(cudaFailure(`${stdout}\n${stderr}${error.signal ? `\nended by ${error.signal}` : ''}`));
    });
  });
  signal?.throwIfAborted();
  if (failure) throw failure;
}

function timedOut(): OperatorError {
  return new OperatorError(
    'CUDA_CHECK_TIMEOUT',
    `the GPU computed nothing within ${CHECK_MS / 1000} s: see nvidia-smi, or measure on the CPU`,
  );
}
