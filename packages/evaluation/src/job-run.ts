import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage, type Logger, silentLogger, writeFileAtomic } from '@tuning/kit';
import { deviceEnvironment, RUNTIME_ENVIRONMENT } from '@tuning/llm';
import type { DatasetType, Device } from '@tuning/protocol';
import type { JobResult, Runner } from '@tuning/runner';
import {
  type EvaluationJobInput,
  type EvaluationProgress,
  INPUT_FILE,
  progressSchema,
  type SharedJobInput,
} from './job-input.ts';

/** What every evaluation needs, of one submission or of several. */
export interface JobArgs {
  runner: Runner;
  /** Job folders are made under it. */
  root: string;
  /** Job id, `[a-z0-9-]{1,64}`. The same id takes up a job that an earlier life of the daemon started. */
  id: string;
  /** The base model's folder: its config gives the graph, its tokenizer the tokens. */
  baseDir: string;
  /**
   * Default false: a submission's folder that holds anything but a submission's files, each with one name, is refused.
   * True for a model of one's own, which may stand beside other files.
   */
  anyFiles?: boolean;
  /** The base's identity, which an adapter must name. */
  expected?: { baseRepo: string; baseRevision: string };
  /** 32 bytes hex that no miner knew before the deadline; given, the outcome has a sketch for `findCopy`. */
  sketchSeed?: string;
  /** What to measure, in this order. `rowsFile`: rows as JSON lines. */
  sets: { name: string; rowsFile: string }[];
  datasetType: DatasetType;
  /** Longest sequence in tokens; longer rows are dropped and counted. */
  sequenceLen: number;
  /** Wall time in ms, resident memory in bytes. */
  limits: { wallMs: number; memoryBytes: number };
  /** Threads of the computation, default 1; the result is the same for any number. */
  threads?: number;
  /**
   * Default 'cpu'. On 'cuda' losses differ from the CPU's, so all that are compared need the same; ask `requireDevice` first, for
   * a job without its device fails as any other.
   */
  device?: Device;
}

export interface EvaluationOptions {
  /** Stops the job. */
  signal?: AbortSignal;
  logger?: Logger;
  onProgress?: (progress: EvaluationProgress) => void;
}

/** Room for the result of one submission, a few numbers per row. */
const OUTPUT_BYTES = 256 * 1024 ** 2;
const GRACE_MS = 2_000;

/** argv of the evaluation job. The compiled entry is used also when this module runs from its TypeScript source. */
export function evaluationCommand(): string[] {
  return [process.execPath, fileURLToPath(new URL('../dist/evaluation-job.js', import.meta.url))];
}

/** The part of a job's input that is the same for one submission and for several. */
export function commonInput(args: JobArgs): Omit<EvaluationJobInput, 'submissionDir'> {
  return {
    baseDir: resolve(args.baseDir),
    ...(args.anyFiles ? { anyFiles: true } : {}),
    ...(args.expected ? { expected: args.expected } : {}),
    ...(args.sketchSeed === undefined ? {} : { sketchSeed: args.sketchSeed }),
    sets: args.sets.map(({ name, rowsFile }) => ({ name, rowsFile: resolve(rowsFile) })),
    datasetType: args.datasetType,
    sequenceLen: args.sequenceLen,
    threads: args.threads ?? 1,
    ...(args.device === undefined ? {} : { device: args.device }),
  };
}

/**
 * Runs one evaluation job to its end, or takes up the one that has the id, and clears it away.
 * @param input checked against its schema
 * @param read makes something of how the job ended and of what it left in its folder.
 * @throws what `read` and the runner throw; the signal's reason.
 */
export async function runJob<T>(
  args: JobArgs,
  input: EvaluationJobInput | SharedJobInput,
  options: EvaluationOptions,
  read: (ended: JobResult, dir: string) => Promise<T>,
): Promise<T> {
  const { signal, logger = silentLogger } = options;
  signal?.throwIfAborted();
  const dir = resolve(args.root, args.id);
  await mkdir(join(dir, 'out'), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(dir, INPUT_FILE), JSON.stringify(input));
  const results = 'submissionDirs' in input ? input.submissionDirs.length : 1;
  const outputBytes = results * OUTPUT_BYTES + (await scratchBytes(args.baseDir));
  const handle = await args.runner.start(
    {
      id: args.id,
      command: evaluationCommand(),
      dir,
      env: { ...RUNTIME_ENVIRONMENT, ...deviceEnvironment(args.device ?? 'cpu') },
      limits: { ...args.limits, outputBytes, graceMs: GRACE_MS },
      labels: { 'tuning.kind': 'evaluation', 'tuning.evaluation': args.id },
    },
    {
      ...(signal ? { signal } : {}),
      onLog: (line) => reportLine(line, options.onProgress, logger),
    },
  );
  const clear = async () => {
    await args.runner.remove(args.id);
    await rm(dir, { recursive: true, force: true });
  };
  let ended: JobResult;
  try {
    ended = await handle.wait(signal);
  } catch (error) {
    // Only an abort ends the job: a runner that is closing leaves it to be taken up again under this id.
    if (signal?.aborted) {
      await handle.stop();
      await clear();
    }
    throw error;
  }
  try {
    return await read(ended, dir);
  } finally {
    await clear();
  }
}

/** Room for what an adapter changes of a large base: at most all its weights, stored in 16 bits, as float32. */
async function scratchBytes(baseDir: string): Promise<number> {
  const names = (await readdir(baseDir)).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(baseDir, name))).size));
  return 2 * sizes.reduce((sum, size) => sum + size, 0);
}

function reportLine(line: string, onProgress: EvaluationOptions['onProgress'], logger: Logger): void {
  if (line.startsWith('{"progress":')) {
    try {
      onProgress?.(progressSchema.parse(JSON.parse(line)).progress);
      return;
    } catch (error) {
      logger.debug({ error: errorMessage(error) }, 'unreadable progress of an evaluation job');
    }
  }
  logger.debug({ line: line.slice(0, 500) }, 'evaluation job');
}
