import { readFile } from 'node:fs/promises';
import { BadInputError, errorCode, errorMessage, type Logger, silentLogger, TransientError } from '@tuning/kit';
import type { JobResult } from '@tuning/runner';
import { type EvaluationJobResult, type EvaluationOutcome, jobResultSchema } from './outcome.ts';

const MAX_RESULT_BYTES = 512 * 1024 ** 2;

/**
 * The outcome that a job which has come to its own end left in a file.
 * @throws TransientError `EVALUATION_FAILED` where there is none; BadInputError with the job's code for unusable input.
 */
export async function readOutcome(
  id: string,
  ended: JobResult,
  path: string,
  logger: Logger = silentLogger,
): Promise<EvaluationOutcome> {
  if (ended.outcome !== 'completed') throw failed(id, `it ended as ${ended.outcome}`, ended);
  const result = await readResult(path).catch((error: unknown) => {
    throw failed(id, errorMessage(error), ended);
  });
  if ('outcome' in result) return result.outcome;
  logger.warn({ id, code: result.fault.code }, 'an evaluation has unusable input');
  throw new BadInputError(result.fault.code, result.fault.message);
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

export function failed(id: string, problem: string, result: JobResult): TransientError {
  return new TransientError(
    'EVALUATION_FAILED',
    `evaluation job ${id} gave no result: ${problem}; it can be run again`,
    {
      details: { id, outcome: result.outcome, exitCode: result.exitCode, logTail: result.logTail.slice(-1_000) },
    },
  );
}
