import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage, isTuningError, OperatorError, TuningError, writeFileAtomic } from '@tuning/kit';
import { RUNTIME_ENVIRONMENT } from '@tuning/llm';
import { z } from 'zod';
import { showProgress } from './progress-line.ts';
import type { Workspace } from './workspace.ts';

const INPUT_FILE = 'input.json';
const RESULT_FILE = 'out/result.json';
const OUTPUT_BYTES = 2 * 1024 ** 3;

const progressSchema = z.strictObject({ done: z.number(), total: z.number() });
const resultSchema = z.union([
  z.strictObject({ result: z.unknown() }),
  z.strictObject({ fault: z.strictObject({ code: z.string(), message: z.string() }) }),
]);

/**
 * Runs the job of the module `<id>-job.js` of this folder in a process of its own, within the workspace's limits.
 * @param doing what a progress line says it does, e.g. "reading … tensors".
 * @returns what the job returned, as its schema has it.
 * @throws OperatorError with the code of what the job found unusable; TuningError `JOB_FAILED` where it hit a limit or died.
 */
export async function runSealedJob<T>(
  { id, input, schema, doing }: { id: string; input: unknown; schema: z.ZodType<T>; doing: [string, string] },
  { folder, runner, limits, signal }: Workspace,
): Promise<T> {
  const dir = join(folder, id);
  await mkdir(join(dir, 'out'), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(dir, INPUT_FILE), JSON.stringify(input));
  // The compiled entry is used also when this module runs from its TypeScript source.
  const entry = fileURLToPath(new URL(`../../dist/models/${id}-job.js`, import.meta.url));
  const handle = await runner.start(
    {
      id,
      command: [process.execPath, entry],
      dir,
      env: { ...RUNTIME_ENVIRONMENT },
      limits: { ...limits, outputBytes: OUTPUT_BYTES, graceMs: 2_000 },
      labels: { 'tuning.kind': id },
    },
    { signal, onLog: (line) => showJob(line, doing) },
  );
  try {
    const ended = await handle.wait(signal);
    if (ended.outcome !== 'completed') {
      const last = ended.logTail.trim().split('\n').at(-1) ?? '';
      throw new TuningError('JOB_FAILED', `the ${id} job ended as ${ended.outcome}: ${last.slice(0, 500)}`);
    }
    const answer = resultSchema.parse(JSON.parse(await readFile(join(dir, RESULT_FILE), 'utf8')));
    if ('fault' in answer) throw new OperatorError(answer.fault.code, answer.fault.message);
    return schema.parse(answer.result);
  } finally {
    showProgress(undefined);
    await handle.stop();
  }
}

function showJob(line: string, [before, after]: [string, string]): void {
  if (!line.startsWith('{"done":')) return;
  const { done, total } = progressSchema.parse(JSON.parse(line));
  showProgress(`${before}  ${done} of ${total} ${after}`);
}

/** The other side, in the job's process: reads its input, reports progress on stdout, leaves its result. */
export function sealedJobMain<T>(
  schema: z.ZodType<T>,
  work: (input: T, onProgress: (done: number, total: number) => void) => Promise<unknown>,
): void {
  const dir = process.env['TUNING_JOB_DIR'] ?? process.cwd();
  let reportedAt = 0;
  const onProgress = (done: number, total: number) => {
    if (done < total && Date.now() - reportedAt < 250) return;
    reportedAt = Date.now();
    process.stdout.write(`${JSON.stringify({ done, total })}\n`);
  };
  const main = async () => {
    const input = schema.parse(JSON.parse(await readFile(join(dir, INPUT_FILE), 'utf8')));
    const answer = await work(input, onProgress).then(
      (result) => ({ result }),
      (error: unknown) => {
        if (!isTuningError(error)) throw error;
        return { fault: { code: error.code, message: error.message.slice(0, 2_000) } };
      },
    );
    await writeFileAtomic(join(dir, RESULT_FILE), JSON.stringify(answer));
  };
  main().catch((error: unknown) => {
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exitCode = 1;
  });
}
