import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, writeFileAtomic } from '@tuning/kit';
import { inspectModel } from './inspection.ts';
import { INPUT_FILE, inspectionInputSchema, RESULT_FILE } from './run-inspection.ts';

/** Entry of the sealed inspection job: input.json in the job folder in, out/result.json out, progress on stdout. */
async function main(): Promise<void> {
  const job = process.env['TUNING_JOB_DIR'] ?? process.cwd();
  const { dir, baseDir } = inspectionInputSchema.parse(JSON.parse(await readFile(join(job, INPUT_FILE), 'utf8')));
  let reportedAt = 0;
  const inspection = await inspectModel(dir, baseDir, (done, total) => {
    if (done < total && Date.now() - reportedAt < 250) return;
    reportedAt = Date.now();
    process.stdout.write(`${JSON.stringify({ done, total })}\n`);
  });
  await writeFileAtomic(join(job, RESULT_FILE), JSON.stringify(inspection));
}

main().catch((error: unknown) => {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exitCode = 1;
});
