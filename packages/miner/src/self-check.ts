import { checkSubmission } from '@tuning/evaluation';
import { errorMessage, type Logger } from '@tuning/kit';
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

/**
 * The validator's own checks, but for losses and copies, in a sealed job. A fault of ours gives no verdict: the submission goes
 * on, since only the validator's word counts.
 */
export function createSelfCheck(services: SelfCheckServices): SelfCheck {
  const { models, runner, root, memoryBytes, threads, logger, msUntil } = services;
  return async (offer, modelDir, signal) => {
    const { taskId } = offer;
    const wallMs = Math.min(MAX_MS, Math.floor(msUntil(offer.deadlineBlock) * SHARE));
    if (wallMs < MIN_MS) {
      logger.warn({ taskId, wallMs }, 'too little time to check the model before it is pushed');
      return undefined;
    }
    const started = performance.now();
    try {
      const judge = (baseDir: string) =>
        checkSubmission(
          {
            ...{ runner, root, id: `check-${taskId}`, threads, sets: [], maxBytes: offer.maxModelBytes },
            ...{ baseDir, submissionDir: modelDir },
            expected: { baseRepo: offer.model.repo, baseRevision: offer.model.revision },
            datasetType: offer.datasetType,
            sequenceLen: offer.sequenceLen,
            limits: { wallMs, memoryBytes },
          },
          { signal, logger },
        );
      const { verdict } = await models.use(offer.model, judge, signal);
      const ms = Math.round(performance.now() - started);
      // Its time and memory are ours, not the validator's.
      if (verdict.code === 'evaluation_limit') {
        logger.warn(
          { taskId, ms, reason: verdict.reason },
          'the check of the model hit its limit; pushing it unchecked',
        );
        return undefined;
      }
      logger.info({ taskId, ms, verdict: verdict.code }, 'model checked as a validator would');
      return verdict;
    } catch (error) {
      if (signal.aborted) throw error;
      logger.warn({ taskId, error: errorMessage(error) }, 'the model could not be checked; pushing it unchecked');
      return undefined;
    }
  };
}
