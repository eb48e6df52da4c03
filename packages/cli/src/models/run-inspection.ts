import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TuningError, writeFileAtomic } from '@tuning/kit';
import { RUNTIME_ENVIRONMENT } from '@tuning/llm';
import { z } from 'zod';
import { type Inspection, inspectionSchema } from './inspection.ts';
import { showProgress } from './progress-line.ts';
import type { Workspace } from './workspace.ts';

export const INPUT_FILE = 'input.json';
export const RESULT_FILE = 'out/result.json';
export const inspectionInputSchema = z.strictObject({ dir: z.string(), baseDir: z.string().optional() });

const progressSchema = z.strictObject({ done: z.number(), total: z.number() });
const OUTPUT_BYTES = 256 * 1024 ** 2;

/**
 * `inspectModel` in a sealed job of its own process, within the workspace's limits.
 * @throws TuningError `INSPECTION_FAILED` where the job hit a limit or died.
 */
export async function runInspection(
  dir: string,
  baseDir: string | undefined,
  { folder, runner, limits, signal }: Workspace,
): Promise<Inspection> {
  const job = join(folder, 'inspection');
  await mkdir(join(job, 'out'), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(job, INPUT_FILE), JSON.stringify({ dir, baseDir }));
  // The compiled entry is used also when this module runs from its TypeScript source.
  const entry = fileURLToPath(new URL('../../dist/models/inspection-job.js', import.meta.url));
  const handle = await runner.start(
    {
      id: 'inspection',
      command: [process.execPath, entry],
      dir: job,
      env: { ...RUNTIME_ENVIRONMENT },
      limits: { ...limits, outputBytes: OUTPUT_BYTES, graceMs: 2_000 },
      labels: { 'tuning.kind': 'inspection' },
    },
    { signal, onLog: showTensors },
  );
  try {
    const result = await handle.wait(signal);
    if (result.outcome === 'completed') {
      return inspectionSchema.parse(JSON.parse(await readFile(join(job, RESULT_FILE), 'utf8')));
    }
    const last = result.logTail.trim().split('\n').at(-1) ?? '';
    throw new TuningError('INSPECTION_FAILED', `the inspection ended as ${result.outcome}: ${last.slice(0, 500)}`);
  } finally {
    showProgress(undefined);
    await handle.stop();
  }
}

function showTensors(line: string): void {
  if (!line.startsWith('{"done":')) return;
  const { done, total } = progressSchema.parse(JSON.parse(line));
  showProgress(`reading  ${done} of ${total} tensors`);
}
