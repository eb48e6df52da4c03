import type { ValidatorConfig } from '@tuning/config';
import { type EvaluationOutcome, runEvaluation } from '@tuning/evaluation';
import { GIB, type Logger, retry } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import type { Runner } from '@tuning/runner';

export interface EvaluationRequest {
  /** Unique per measurement; a job with this id that an earlier daemon life started is taken up. */
  id: string;
  root: string;
  baseDir: string;
  submissionDir: string | undefined;
  expected: { baseRepo: string; baseRevision: string };
  /** 32 bytes hex: see `EvaluationArgs`. */
  sketchSeed?: string;
  sets: { name: string; rowsFile: string }[];
  datasetType: DatasetType;
  sequenceLen: number;
}

/** Runs sealed evaluation jobs one at a time: each already uses all the threads it is given. */
export class EvaluationQueue {
  readonly #runner: Runner;
  readonly #config: ValidatorConfig['evaluation'];
  readonly #logger: Logger;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(runner: Runner, config: ValidatorConfig['evaluation'], logger: Logger) {
    this.#runner = runner;
    this.#config = config;
    this.#logger = logger;
  }

  /** A crash for our own reasons is tried again; what the submission is to blame for comes back as a verdict. */
  run(request: EvaluationRequest, signal: AbortSignal): Promise<EvaluationOutcome> {
    const work = () =>
      retry(
        () => {
          signal.throwIfAborted();
          return runEvaluation(
            {
              ...request,
              runner: this.#runner,
              limits: { wallMs: this.#config.max_minutes * 60_000, memoryBytes: this.#config.max_memory_gb * GIB },
              threads: this.#config.threads,
              device: this.#config.device,
            },
            { signal, logger: this.#logger },
          );
        },
        { attempts: 4, baseMs: 1_000, signal, logger: this.#logger, what: `evaluation ${request.id}` },
      );
    const next = this.#tail.then(work, work);
    this.#tail = next.catch(() => {});
    return next;
  }
}
