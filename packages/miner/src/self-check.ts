import { checkSubmission } from '@tuning/evaluation';
import { errorMessage, freeBytes, isDiskFull, type Logger, saysDiskFull, sleep, withDeadline } from '@tuning/kit';
import type { ModelCache } from '@tuning/neuron';
import type { TaskOffer, Verdict } from '@tuning/protocol';
import type { Runner } from '@tuning/runner';

export interface SelfCheckServices {
  models: Pick<ModelCache, 'use'>;
  /** Of processes: it is our own code that runs, not a trainer. */
  runner: Runner;
  /** Job folders are made under it. */
  root: string;
  memoryBytes: number;
  threads: number;
  logger: Logger;
  /** ms to a block, as the chain has it now; 0 once it has passed. */
  msUntil: (block: number) => number;
}

/** Judges a trained model before it is pushed. @returns the verdict that a validator would give; undefined where none was reached. */
export type SelfCheck = (offer: TaskOffer, modelDir: string, signal: AbortSignal) => Promise<Verdict | undefined>;

/** Share of the time to the deadline that the check may take: a model that was not looked at is better than none. */
const SHARE = 0.3;
/** With less time, in ms, the model is pushed as it is. */
const MIN_MS = 5_000;
const MAX_MS = 3_600_000;
/** Beyond its wall time a job has so long, in ms, to be ended and read. */
const SLACK_MS = 20_000;
/** Time between two tries on a full disk, in ms. */
const AGAIN_MS = 2_000;
/** With less room a job that failed is taken to have failed for want of it. */
const NO_ROOM_BYTES = 1024 ** 2;

/**
 * The validator's own checks, but for losses and copies, in a sealed job. On a full disk it waits for room, as long as it may
 * take. A fault of ours gives no verdict: the submission goes on, since only the validator's word counts.
 */
export function createSelfCheck(services: SelfCheckServices): SelfCheck {
  const { root, logger, msUntil } = services;
  return async (offer, modelDir, signal) => {
    const { taskId } = offer;
    const started = performance.now();
    const allowedMs = Math.min(MAX_MS, Math.floor(msUntil(offer.deadlineBlock) * SHARE));
    for (let [told, again] = [false, false]; ; ) {
      const wallMs = Math.floor(allowedMs - (performance.now() - started));
      if (wallMs < MIN_MS) {
        logger.warn({ taskId, wallMs }, 'too little time to check the model before it is pushed');
        return undefined;
      }
      try {
        const check = (own: AbortSignal) => judge(services, offer, modelDir, wallMs, own);
        const verdict = await withDeadline('the check of a model', wallMs + SLACK_MS, check, signal);
        return noted(verdict, { taskId, ms: Math.round(performance.now() - started) }, logger);
      } catch (error) {
        if (signal.aborted) throw error;
        if (await isForWantOfRoom(error, root)) {
          const problem = 'the disk is full, so a model cannot be checked: free some space; trying again';
          if (!told) logger.error({ taskId, error: errorMessage(error) }, problem);
          told = true;
          await sleep(AGAIN_MS, signal);
        } else if ((error as Error).name === 'TransientError' && !again) {
          again = true;
        } else {
          logger.warn({ taskId, error: errorMessage(error) }, 'the model could not be checked; pushing it unchecked');
          return undefined;
        }
      }
    }
  };
}

async function judge(
  { models, runner, root, threads, memoryBytes, logger }: SelfCheckServices,
  offer: TaskOffer,
  submissionDir: string,
  wallMs: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const args = {
    ...{ runner, root, id: `check-${offer.taskId}`, threads, sets: [], maxBytes: offer.maxModelBytes, submissionDir },
    expected: { baseRepo: offer.model.repo, baseRevision: offer.model.revision },
    datasetType: offer.datasetType,
    sequenceLen: offer.sequenceLen,
    limits: { wallMs, memoryBytes },
  };
  const check = (baseDir: string) => checkSubmission({ ...args, baseDir }, { signal, logger });
  return (await models.use(offer.model, check, signal)).verdict;
}

/** The verdict, but for one that is about our own time and memory and not the validator's. */
function noted(verdict: Verdict, facts: { taskId: string; ms: number }, logger: Logger): Verdict | undefined {
  if (verdict.code === 'evaluation_limit') {
    logger.warn({ ...facts, reason: verdict.reason }, 'the check of the model hit its limit; pushing it unchecked');
    return undefined;
  }
  logger.info({ ...facts, verdict: verdict.code }, 'model checked as a validator would');
  return verdict;
}

/** A job on a full disk cannot always say what it died of. */
async function isForWantOfRoom(error: unknown, root: string): Promise<boolean> {
  const { logTail } = (error as { details?: { logTail?: string } }).details ?? {};
  if (isDiskFull(error) || saysDiskFull(logTail ?? '')) return true;
  return (
    (error as Error).name === 'TransientError' &&
    (await freeBytes(root).catch(() => Number.POSITIVE_INFINITY)) < NO_ROOM_BYTES
  );
}
