import { join, resolve } from 'node:path';
import { errorCode, errorMessage, silentLogger } from '@tuning/kit';
import { type EvaluationProgress, resultFileOf, sharedJobInputSchema } from './job-input.ts';
import { readOutcome } from './job-result.ts';
import { commonInput, type EvaluationOptions, type JobArgs, runJob } from './job-run.ts';
import type { EvaluationOutcome } from './outcome.ts';
import { runEvaluation } from './run-evaluation.ts';

export interface SharedEvaluationArgs extends JobArgs {
  /** What to measure, at most `MOST_TOGETHER`; undefined = the base itself. */
  submissionDirs: readonly (string | undefined)[];
  /**
   * Wall time in ms that one submission may take by itself, so that a shared job has it once for each; resident memory in bytes
   * of one job.
   */
  limits: { wallMs: number; memoryBytes: number };
}

/** Share of a job's memory that the weights of submissions which are measured together may take. */
const WEIGHTS_SHARE = 0.5;

/**
 * Judges and measures several submissions on one base, and the base, in one sealed job, where a batch shape is compiled once for
 * all of them: for submissions that need no guarding from each other. Each outcome is what `runEvaluation` gives of it.
 *
 * Where the shared job gives no outcomes, whatever the reason (a limit, a crash, unusable input), each submission is measured
 * again in a job of its own (id `<id>-<index>`), so that one costs the others nothing.
 * @returns in the order of `submissionDirs`: the outcome, or the error that `runEvaluation` throws of this submission.
 * @throws what `runEvaluation` throws of the base; the signal's reason; the runner's errors.
 */
export async function runSharedEvaluation(
  args: SharedEvaluationArgs,
  options: EvaluationOptions = {},
): Promise<PromiseSettledResult<EvaluationOutcome>[]> {
  const { logger = silentLogger } = options;
  if (args.submissionDirs.length > 1) {
    try {
      const outcomes = await inOneJob(args, options);
      return outcomes.map((value) => ({ status: 'fulfilled', value }));
    } catch (error) {
      if (!isOfTheJob(error)) throw error;
      logger.warn(
        { id: args.id, submissions: args.submissionDirs.length, error: errorMessage(error) },
        'submissions could not be measured in one job: each gets its own',
      );
    }
  }
  return eachAlone(args, options);
}

/** True for what a job's end says of what it measured; all else is no matter of a submission. */
function isOfTheJob(error: unknown): boolean {
  return errorCode(error) === 'EVALUATION_FAILED' || (error as Error).name === 'BadInputError';
}

async function inOneJob(args: SharedEvaluationArgs, options: EvaluationOptions): Promise<EvaluationOutcome[]> {
  const { submissionDirs, limits } = args;
  const input = sharedJobInputSchema.parse({
    ...commonInput(args),
    submissionDirs: submissionDirs.map((dir) => (dir === undefined ? null : resolve(dir))),
    weightBytes: Math.floor(WEIGHTS_SHARE * limits.memoryBytes),
  });
  const wallMs = submissionDirs.length * limits.wallMs;
  return runJob({ ...args, limits: { ...limits, wallMs } }, input, options, async (ended, dir) => {
    const outcomes: EvaluationOutcome[] = [];
    for (const index of submissionDirs.keys()) {
      outcomes.push(await readOutcome(args.id, ended, join(dir, resultFileOf(index)), options.logger));
    }
    return outcomes;
  });
}

async function eachAlone(
  { submissionDirs, ...args }: SharedEvaluationArgs,
  { onProgress, ...options }: EvaluationOptions,
): Promise<PromiseSettledResult<EvaluationOutcome>[]> {
  const results: PromiseSettledResult<EvaluationOutcome>[] = [];
  for (const [model, submissionDir] of submissionDirs.entries()) {
    const told = onProgress && { onProgress: (progress: EvaluationProgress) => onProgress({ ...progress, model }) };
    try {
      const alone = { ...args, id: `${args.id}-${model}`, submissionDir };
      results.push({ status: 'fulfilled', value: await runEvaluation(alone, { ...options, ...told }) });
    } catch (reason) {
      // A base that cannot be measured, or sets that cannot be read, are the same for all.
      if (submissionDir === undefined || !isOfTheJob(reason)) throw reason;
      results.push({ status: 'rejected', reason });
    }
  }
  return results;
}
