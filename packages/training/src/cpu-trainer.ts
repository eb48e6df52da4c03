/**
 * The embedded CPU trainer's process. Job folder: TUNING_JOB_DIR; threads: TUNING_THREADS (default 1: where several
 * jobs share the cores, more threads only wait for each other).
 * Exit codes: 0 done; 2 the job's input is refused, with one line on stderr; 143 stopped by SIGTERM, the checkpoint is
 * written; 1 a fault of ours.
 */
import { errorMessage, isTuningError } from '@tuning/kit';
import { runCpuTrainer } from './cpu-trainer-job.ts';

const EXIT_REFUSED = 2;
const EXIT_STOPPED = 128 + 15;

async function main(): Promise<number> {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stopping = true;
    });
  }
  const dir = process.env['TUNING_JOB_DIR'];
  const threads = Number(process.env['TUNING_THREADS'] ?? '1');
  if (dir === undefined || !Number.isInteger(threads) || threads < 1 || threads > 256) {
    process.stderr.write('TUNING_JOB_DIR must name the job folder, and TUNING_THREADS be a number from 1 to 256\n');
    return EXIT_REFUSED;
  }
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  return (await runCpuTrainer({ dir, threads, shouldStop: () => stopping, print })) ? 0 : EXIT_STOPPED;
}

try {
  process.exitCode = await main();
} catch (error) {
  const refused = isTuningError(error) && (error.name === 'BadInputError' || error.name === 'OperatorError');
  const text = refused ? `${error.code}: ${error.message}` : error instanceof Error ? error.stack : errorMessage(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = refused ? EXIT_REFUSED : 1;
}
