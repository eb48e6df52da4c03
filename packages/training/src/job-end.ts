import { errorMessage, isDiskFull, saysDiskFull } from '@tuning/kit';
import type { JobResult } from '@tuning/runner';
import type { TrainingResult } from './outcome.ts';

/** Runs a job gets before it is given up. Most crashes that come three times would come a fourth time. */
export const MAX_ATTEMPTS = 3;
/** A trainer's exit code for input that no further try can make good. */
export const EXIT_BAD_INPUT = 2;

/** What a shell reports of SIGTERM, and what a trainer that saved its checkpoint ends with. */
const EXIT_TERMINATED = 128 + 15;

const MAX_ERROR_CHARACTERS = 1_000;

/** What becomes of a job after one run. */
export type JobEnd =
  | { kind: 'Completed'; result: TrainingResult }
  | { kind: 'Failed'; error: string }
  | { kind: 'Cancelled' }
  /** Back to the queue, to go on from its checkpoint. */
  | { kind: 'retry'; reason: string; countAttempt: boolean };

/** The trainer's last words, for an error that somebody reads without the log. */
function lastWords(logTail: string): string {
  const text = logTail.trim();
  return text === '' ? '' : `: ${text.slice(-MAX_ERROR_CHARACTERS)}`;
}

function crash(attempts: number, error: string): JobEnd {
  return attempts + 1 >= MAX_ATTEMPTS
    ? { kind: 'Failed', error: `${error} (given up after ${MAX_ATTEMPTS} tries)` }
    : { kind: 'retry', reason: error, countAttempt: true };
}

/**
 * Judges one run that was not cancelled. `trained` is what the job folder holds, undefined where it has no model;
 * `attempts` counts earlier runs that ended badly. `lowOnDisk`: the disk has hardly any room, so that a trainer that
 * complains of it is right, and will go on when there is some.
 */
export function judgeResult(
  result: JobResult,
  attempts: number,
  trained: TrainingResult | undefined,
  lowOnDisk = false,
): JobEnd {
  const reason = result.reason ?? result.outcome;
  switch (result.outcome) {
    case 'completed':
      return trained
        ? { kind: 'Completed', result: trained }
        : { kind: 'Failed', error: 'the trainer ended with code 0 but left no file in out/model' };
    case 'failed':
      if (result.exitCode === EXIT_TERMINATED) {
        return { kind: 'retry', reason: 'the trainer was told to stop by somebody else', countAttempt: false };
      }
      if (lowOnDisk && saysDiskFull(result.logTail)) {
        return { kind: 'retry', reason: `the disk is full${lastWords(result.logTail)}`, countAttempt: false };
      }
      return result.exitCode === EXIT_BAD_INPUT
        ? { kind: 'Failed', error: `the trainer refused its input${lastWords(result.logTail)}` }
        : crash(attempts, `the trainer crashed, ${reason}${lastWords(result.logTail)}`);
    case 'timeout':
    case 'memory':
    case 'output':
      return { kind: 'Failed', error: `the training was stopped at its ${result.outcome} limit: it ${reason}` };
    case 'stopped':
    case 'lost':
      // Neither is the job's doing: the daemon, the operator or the machine stopped it.
      return { kind: 'retry', reason: `the run was interrupted (${reason})`, countAttempt: false };
  }
}

/** Judges a failure to prepare or to start a job. */
export function judgeError(error: unknown, attempts: number): JobEnd {
  const text = `could not prepare the training: ${errorMessage(error).slice(0, MAX_ERROR_CHARACTERS)}`;
  // Waits for room: the operator makes it, and the deadline ends the waiting.
  if (isDiskFull(error)) return { kind: 'retry', reason: text, countAttempt: false };
  switch (error instanceof Error ? error.name : '') {
    case 'BadInputError':
    case 'OperatorError':
      return { kind: 'Failed', error: text };
    case 'TransientError':
      // A service that is down says nothing about the job.
      return { kind: 'retry', reason: text, countAttempt: false };
    default:
      return crash(attempts, text);
  }
}
