import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verdict } from '@tuning/protocol';
import { checkFileList } from './file-list.ts';
import type { EvaluationOptions } from './job-run.ts';
import type { EvaluationOutcome } from './outcome.ts';
import { type EvaluationArgs, runEvaluation } from './run-evaluation.ts';

export interface SubmissionCheckArgs extends Omit<EvaluationArgs, 'submissionDir' | 'anyFiles'> {
  submissionDir: string;
  /** Bytes that the validator takes. */
  maxBytes: number;
}

/**
 * What a validator would say of a folder as a submission: its file list, then everything that a sealed job looks at.
 * Copies of other submissions are the one thing that only a validator can see.
 * @throws what `runEvaluation` throws; the file system's error where there is no such folder.
 */
export async function checkSubmission(
  { maxBytes, ...args }: SubmissionCheckArgs,
  options: EvaluationOptions = {},
): Promise<EvaluationOutcome> {
  const refused = await checkListOf(args.submissionDir, maxBytes);
  if (refused) return { verdict: refused, kind: 'full', sets: {}, dropped: {} };
  return runEvaluation(args, options);
}

async function checkListOf(dir: string, maxBytes: number): Promise<Verdict | undefined> {
  const names = (await readdir(dir)).sort();
  const files = await Promise.all(names.map(async (path) => ({ path, size: (await lstat(join(dir, path))).size })));
  return checkFileList(files, { maxBytes });
}
