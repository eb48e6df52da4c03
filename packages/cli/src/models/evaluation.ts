import { join } from 'node:path';
import { type EvaluationOutcome, runEvaluation } from '@tuning/evaluation';
import type { DatasetType, Device, Measurement } from '@tuning/protocol';
import { chanceBetter, type LossInterval, lossInterval } from '@tuning/tournament';
import type { ModelSource } from './model-source.ts';
import { showProgress } from './progress-line.ts';
import type { RowsSource } from './rows-source.ts';
import type { Workspace } from './workspace.ts';

const SET = 'data';

export interface EvaluationRequest {
  /** Undefined: the base alone is measured. */
  readonly model: ModelSource | undefined;
  readonly base: ModelSource;
  readonly rows: RowsSource;
  readonly type: DatasetType;
  readonly sequenceLen: number;
  readonly device: Device;
}

export interface Comparison extends LossInterval {
  /** Chance that the model is really better than the base: share of the tournament's resamples in which it is. */
  readonly chanceBetter: number;
}

export interface EvaluationReport {
  /** Outcome of the model; of the base where there is no model. */
  readonly outcome: EvaluationOutcome;
  /** Absent where the model was refused. */
  readonly measured: Measurement | undefined;
  /** The base on the same rows; absent where it is what was measured. */
  readonly base: Measurement | undefined;
  readonly comparison: Comparison | undefined;
}

/**
 * Measures base and model on the same rows, each in a sealed job of its own, and compares them.
 * @throws what `runEvaluation` throws.
 */
export async function evaluateModel(request: EvaluationRequest, workspace: Workspace): Promise<EvaluationReport> {
  const base = await measure('base', undefined, request, workspace);
  if (!request.model) return { outcome: base, measured: base.sets[SET], base: undefined, comparison: undefined };
  const outcome = await measure('model', request.model, request, workspace);
  const first = base.sets[SET]!;
  const second = outcome.sets[SET];
  // The seed is the data's, so whoever compares the same models on the same rows gets the same interval.
  const seed = `tuning evaluate ${request.rows.digest}`;
  const comparison = second && {
    ...lossInterval(first.rows, second.rows, seed),
    chanceBetter: chanceBetter(first.rows, second.rows, seed),
  };
  return { outcome, measured: second, base: first, comparison };
}

async function measure(
  id: 'base' | 'model',
  submission: ModelSource | undefined,
  { base, rows, type, sequenceLen, device }: EvaluationRequest,
  workspace: Workspace,
): Promise<EvaluationOutcome> {
  showProgress(`reading the ${id}`);
  try {
    return await runEvaluation(
      {
        runner: workspace.runner,
        root: join(workspace.folder, 'jobs'),
        id,
        baseDir: base.dir,
        submissionDir: submission?.dir,
        anyFiles: true,
        ...(base.repo ? { expected: { baseRepo: base.repo.repo, baseRevision: base.repo.revision } } : {}),
        sets: [{ name: SET, rowsFile: rows.file }],
        datasetType: type,
        sequenceLen,
        limits: workspace.limits,
        threads: workspace.threads,
        device,
      },
      {
        signal: workspace.signal,
        onProgress: ({ doneRows, totalRows }) => showProgress(`measuring the ${id}  ${doneRows} of ${totalRows} rows`),
      },
    );
  } finally {
    showProgress(undefined);
  }
}
