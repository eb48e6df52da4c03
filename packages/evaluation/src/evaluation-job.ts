import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, isTuningError, writeFileAtomic } from '@tuning/kit';
import { evaluate } from './evaluate.ts';
import { type EvaluationJobInput, INPUT_FILE, jobInputSchema, RESULT_FILE } from './job-input.ts';
import type { EvaluationJobResult } from './outcome.ts';

/**
 * Entry of the sealed evaluation job: input.json in the job folder in, out/result.json out, progress as JSON lines on
 * stdout. Exit code 0 with a result; anything else is a fault that the daemon retries.
 */
async function main(): Promise<void> {
  const dir = process.env['TUNING_JOB_DIR'] ?? process.cwd();
  const input = jobInputSchema.parse(JSON.parse(await readFile(join(dir, INPUT_FILE), 'utf8')));
  await writeFileAtomic(join(dir, RESULT_FILE), JSON.stringify(await run(input, dir)));
}

async function run(input: EvaluationJobInput, dir: string): Promise<EvaluationJobResult> {
  let reportedAt = 0;
  try {
    const outcome = await evaluate(
      input,
      (progress) => {
        const last = progress.doneRows === progress.totalRows;
        if (!last && Date.now() - reportedAt < 250) return;
        reportedAt = Date.now();
        process.stdout.write(`${JSON.stringify({ progress })}\n`);
      },
      // A GPU gets weights once for each session from their files; such that are fed would go there with every run.
      { scratchDir: dir, ...(input.device === 'cuda' ? { mapped: true } : {}) },
    );
    return { outcome };
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
