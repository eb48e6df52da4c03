import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, isTuningError, writeFileAtomic } from '@tuning/kit';
import { evaluate, evaluateShared } from './evaluate.ts';
import {
  type EvaluationProgress,
  INPUT_FILE,
  jobInputSchema,
  RESULT_FILE,
  resultFileOf,
  sharedJobInputSchema,
} from './job-input.ts';
import type { EvaluationJobResult, EvaluationOutcome } from './outcome.ts';

/**
 * Entry of the sealed evaluation job: input.json in the job folder in, out/result.json out (of several submissions a file for
 * each), progress as JSON lines on stdout. Exit code 0 with a result; anything else is a fault that the daemon retries.
 */
async function main(): Promise<void> {
  const dir = process.env['TUNING_JOB_DIR'] ?? process.cwd();
  const read: unknown = JSON.parse(await readFile(join(dir, INPUT_FILE), 'utf8'));
  const isShared = typeof read === 'object' && read !== null && 'submissionDirs' in read;
  if (!isShared) {
    const input = jobInputSchema.parse(read);
    const result = await resultOf(() => evaluate(input, reportProgress, spaceOf(dir, input)));
    await leave(join(dir, RESULT_FILE), result);
    return;
  }
  const input = sharedJobInputSchema.parse(read);
  const result = await resultOf(() => evaluateShared(input, reportProgress, spaceOf(dir, input)));
  for (const index of input.submissionDirs.keys()) {
    await leave(join(dir, resultFileOf(index)), 'fault' in result ? result : { outcome: result.outcome[index]! });
  }
}

async function leave(path: string, result: EvaluationJobResult): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(result));
}

/** A GPU gets weights once for each session from their files; such that are fed would go there with every run. */
function spaceOf(scratchDir: string, { device }: { device?: string | undefined }) {
  return { scratchDir, ...(device === 'cuda' ? { mapped: true } : {}) };
}

let reportedAt = 0;

function reportProgress(progress: EvaluationProgress): void {
  const last = progress.doneRows === progress.totalRows;
  if (!last && Date.now() - reportedAt < 250) return;
  reportedAt = Date.now();
  process.stdout.write(`${JSON.stringify({ progress })}\n`);
}

async function resultOf<T extends EvaluationOutcome | EvaluationOutcome[]>(
  work: () => Promise<T>,
): Promise<{ outcome: T } | Extract<EvaluationJobResult, { fault: unknown }>> {
  try {
    return { outcome: await work() };
  } catch (error) {
    // A refused base or set will be refused again: that is an answer, not a crash.
    if (!isTuningError(error) || error.name !== 'BadInputError') throw error;
    return { fault: { code: error.code, message: error.message.slice(0, 2_000) } };
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : errorMessage(error)}\n`);
  process.exitCode = 1;
});
