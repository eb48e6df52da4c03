import { join, resolve } from 'node:path';
import type { Verdict } from '@tuning/protocol';
import type { JobResult } from '@tuning/runner';
import { jobInputSchema, RESULT_FILE } from './job-input.ts';
import { failed, readOutcome } from './job-result.ts';
import { commonInput, type EvaluationOptions, type JobArgs, runJob } from './job-run.ts';
import type { EvaluationOutcome } from './outcome.ts';

export interface EvaluationArgs extends JobArgs {
  /** The submission's private copy; undefined = measure the base itself. */
  submissionDir: string | undefined;
}

/**
 * Judges and measures one submission (or the base) in a sealed job of its own process. What is wrong with the
 * submission becomes a verdict; a job that hits its wall or memory limit gives `evaluation_limit`.
 * @throws TransientError `EVALUATION_FAILED` where the job ended without a result for reasons of ours; BadInputError
 * with the job's own code where base or sets are unusable (for instance `NO_ROWS`, `MODEL_UNSUPPORTED`); the signal's reason.
 */
export async function runEvaluation(args: EvaluationArgs, options: EvaluationOptions = {}): Promise<EvaluationOutcome> {
  const { submissionDir } = args;
  const input = jobInputSchema.parse({
    ...commonInput(args),
    ...(submissionDir === undefined ? {} : { submissionDir: resolve(submissionDir) }),
  });
  return runJob(args, input, options, async (ended, dir) => {
    if (ended.outcome !== 'timeout' && ended.outcome !== 'memory') {
      return readOutcome(args.id, ended, join(dir, RESULT_FILE), options.logger);
    }
    if (submissionDir === undefined)
      throw failed(args.id, `it hit its ${ended.outcome} limit on the base itself`, ended);
    return { verdict: limitVerdict(args, ended), kind: 'full', sets: {}, dropped: {} };
  });
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
