import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BadInputError,
  errorCode,
  errorMessage,
  type Logger,
  silentLogger,
  TransientError,
  writeFileAtomic,
} from '@tuning/kit';
import { deviceEnvironment, RUNTIME_ENVIRONMENT } from '@tuning/llm';
import type { DatasetType, Device, Verdict } from '@tuning/protocol';
import type { JobResult, Runner } from '@tuning/runner';
import {
  type EvaluationJobInput,
  type EvaluationProgress,
  INPUT_FILE,
  jobInputSchema,
  progressSchema,
  RESULT_FILE,
} from './job-input.ts';
import { type EvaluationJobResult, type EvaluationOutcome, jobResultSchema } from './outcome.ts';

export interface EvaluationArgs {
  runner: Runner;
  /** Job folders are made under it. */
  root: string;
  /** Job id, `[a-z0-9-]{1,64}`. The same id takes up a job that an earlier life of the daemon started. */
  id: string;
  /** The base model's folder: its config gives the graph, its tokenizer the tokens. */
  baseDir: string;
  /** The submission's private copy; undefined = measure the base itself. */
  submissionDir: string | undefined;
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

/** Room for result.json, a few numbers per row. */
const OUTPUT_BYTES = 256 * 1024 ** 2;
const GRACE_MS = 2_000;
const MAX_RESULT_BYTES = 512 * 1024 ** 2;

/** argv of the evaluation job. The compiled entry is used also when this module runs from its TypeScript source. */
export function evaluationCommand(): string[] {
  return [process.execPath, fileURLToPath(new URL('../dist/evaluation-job.js', import.meta.url))];
}

/**
 * Judges and measures one submission (or the base) in a sealed job of its own process. What is wrong with the
 * submission becomes a verdict; a job that hits its wall or memory limit gives `evaluation_limit`.
 * @throws TransientError `EVALUATION_FAILED` where the job ended without a result for reasons of ours; BadInputError
 * with the job's own code where base or sets are unusable (for instance `NO_ROWS`, `MODEL_UNSUPPORTED`); the signal's reason.
 */
export async function runEvaluation(args: EvaluationArgs, options: EvaluationOptions = {}): Promise<EvaluationOutcome> {
  const { signal, logger = silentLogger } = options;
  signal?.throwIfAborted();
  const dir = resolve(args.root, args.id);
  await writeInput(dir, args);
  const handle = await args.runner.start(
    {
      id: args.id,
      command: evaluationCommand(),
      dir,
      env: { ...RUNTIME_ENVIRONMENT, ...deviceEnvironment(args.device ?? 'cpu') },
      limits: { ...args.limits, outputBytes: OUTPUT_BYTES + (await scratchBytes(args.baseDir)), graceMs: GRACE_MS },
      labels: { 'tuning.kind': 'evaluation', 'tuning.evaluation': args.id },
    },
    {
      ...(signal ? { signal } : {}),
      onLog: (line) => reportLine(line, options.onProgress, logger),
    },
  );
  let result: JobResult;
  try {
    result = await handle.wait(signal);
  } catch (error) {
    // Only an abort ends the job: a runner that is closing leaves it to be taken up again under this id.
    if (signal?.aborted) {
      await handle.stop();
      await args.runner.remove(args.id);
      await rm(dir, { recursive: true, force: true });
    }
    throw error;
  }
  try {
    return await outcomeOf(args, result, dir, logger);
  } finally {
    await args.runner.remove(args.id);
    await rm(dir, { recursive: true, force: true });
  }
}

/** Room for what an adapter changes of a large base: at most all its weights, stored in 16 bits, as float32. */
async function scratchBytes(baseDir: string): Promise<number> {
  const names = (await readdir(baseDir)).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(baseDir, name))).size));
  return 2 * sizes.reduce((sum, size) => sum + size, 0);
}

async function writeInput(dir: string, args: EvaluationArgs): Promise<void> {
  const input: EvaluationJobInput = jobInputSchema.parse({
    baseDir: resolve(args.baseDir),
    ...(args.submissionDir === undefined ? {} : { submissionDir: resolve(args.submissionDir) }),
    ...(args.anyFiles ? { anyFiles: true } : {}),
    ...(args.expected ? { expected: args.expected } : {}),
    ...(args.sketchSeed === undefined ? {} : { sketchSeed: args.sketchSeed }),
    sets: args.sets.map(({ name, rowsFile }) => ({ name, rowsFile: resolve(rowsFile) })),
    datasetType: args.datasetType,
    sequenceLen: args.sequenceLen,
    threads: args.threads ?? 1,
    ...(args.device === undefined ? {} : { device: args.device }),
  });
  await mkdir(join(dir, 'out'), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(dir, INPUT_FILE), JSON.stringify(input));
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

async function outcomeOf(
  args: EvaluationArgs,
  result: JobResult,
  dir: string,
  logger: Logger,
): Promise<EvaluationOutcome> {
  if (result.outcome === 'timeout' || result.outcome === 'memory') {
    if (args.submissionDir === undefined)
      throw failed(args.id, `it hit its ${result.outcome} limit on the base itself`, result);
    return { verdict: limitVerdict(args, result), kind: 'full', sets: {}, dropped: {} };
  }
  if (result.outcome !== 'completed') throw failed(args.id, `it ended as ${result.outcome}`, result);
  const read = await readResult(join(dir, RESULT_FILE)).catch((error: unknown) => {
    throw failed(args.id, errorMessage(error), result);
  });
  if ('fault' in read) {
    logger.warn({ id: args.id, code: read.fault.code }, 'an evaluation has unusable input');
    throw new BadInputError(read.fault.code, read.fault.message);
  }
  return read.outcome;
}

async function readResult(path: string): Promise<EvaluationJobResult> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new Error(`it left no result (${errorCode(error)})`, { cause: error });
  }
  if (bytes.length > MAX_RESULT_BYTES) throw new Error(`its result has ${bytes.length} bytes`);
  const parsed = jobResultSchema.safeParse(JSON.parse(bytes.toString('utf8')));
  if (!parsed.success) throw new Error(`its result is malformed: ${parsed.error.issues[0]!.message}`);
  return parsed.data;
}

function limitVerdict({ limits }: EvaluationArgs, result: JobResult): Verdict {
  const what =
    result.outcome === 'timeout' ? `${limits.wallMs} ms of wall time` : `${limits.memoryBytes} bytes of memory`;
  return {
    code: 'evaluation_limit',
    reason: `the evaluation hit its limit of ${what}`,
    evidence: { outcome: result.outcome, wallMs: result.endedAt - result.startedAt, peakRssBytes: result.peakRssBytes },
  };
}

function failed(id: string, problem: string, result: JobResult): TransientError {
  return new TransientError(
    'EVALUATION_FAILED',
    `evaluation job ${id} gave no result: ${problem}; it can be run again`,
    {
      details: { id, outcome: result.outcome, exitCode: result.exitCode, logTail: result.logTail.slice(-1_000) },
    },
  );
}
