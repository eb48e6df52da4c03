import { mkdtemp, rm } from 'node:fs/promises';
import { freemem, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { secretFromEnvironment } from '@tuning/config';
import { createHub, HUGGING_FACE, type Hub } from '@tuning/hub';
import { GIB, isTuningError, OperatorError } from '@tuning/kit';
import { createProcessRunner, type Runner } from '@tuning/runner';
import type { Command } from 'commander';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';

/** Flags of the commands that read models. */
export interface ModelOptions {
  hub: string;
  cache?: string;
  threads: string;
  timeout: string;
  memory?: string;
  json?: boolean;
}

/** Flags that say where models come from. */
export function withHub(command: Command): Command {
  return command
    .option('--hub <url>', 'hub of names like me/model@revision', process.env['HF_ENDPOINT'] ?? HUGGING_FACE)
    .option('--cache <folder>', 'where downloads are kept; default ~/.tuning/cache');
}

export function withModels(command: Command): Command {
  return withHub(command)
    .option('--threads <n>', 'threads of the computation; the numbers are the same for any', '1')
    .option('--timeout <minutes>', 'longest time of one model in a sealed job', '360')
    .option('--memory <GiB>', 'most memory of one sealed job; default nine tenths of this machine’s')
    .option('--json', 'print JSON');
}

/** What such a command works with, gone when it ends. */
export interface Workspace {
  /** Temporary folder of this command. */
  readonly folder: string;
  readonly hub: Hub;
  readonly runner: Runner;
  readonly signal: AbortSignal;
  readonly threads: number;
  readonly limits: { wallMs: number; memoryBytes: number };
}

let stop: AbortSignal | undefined;

/**
 * Runs `work` with a temporary folder and a runner of sealed jobs, and clears both away.
 * @throws OperatorError with the code of what is missing or unusable: all input here is the caller's own.
 */
export async function inWorkspace<T>(options: ModelOptions, work: (workspace: Workspace) => Promise<T>): Promise<T> {
  const threads = wholeNumber('--threads', options.threads, { min: 1, max: 256 });
  const wallMs = wholeNumber('--timeout', options.timeout, { min: 1, max: 100_000 }) * 60_000;
  const memoryBytes =
    options.memory === undefined
      ? Math.floor(Math.max(totalmem() * 0.9, freemem()))
      : wholeNumber('--memory', options.memory, { min: 1, max: 100_000 }) * GIB;
  stop ??= shutdownSignal();
  const signal = stop;
  const folder = await mkdtemp(join(tmpdir(), 'tuning-models-'));
  try {
    const token = secretFromEnvironment('HF_TOKEN', process.env);
    const hub = createHub({ endpoint: options.hub, ...(token ? { token } : {}) });
    const runner = await createProcessRunner({ root: join(folder, 'registry') });
    try {
      return await work({ folder, hub, runner, signal, threads, limits: { wallMs, memoryBytes } });
    } finally {
      await runner.close();
    }
  } catch (error) {
    if (!isTuningError(error) || error.name !== 'BadInputError') throw error;
    throw new OperatorError(error.code, error.message, { cause: error, details: error.details });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
