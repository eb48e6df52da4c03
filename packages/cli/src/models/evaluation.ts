import { join } from 'node:path';
import { type EvaluationOutcome, runSharedEvaluation } from '@tuning/evaluation';
import type { DatasetType, Device, Measurement, RowLosses } from '@tuning/protocol';
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

export interface RankingRequest extends Omit<EvaluationRequest, 'model'> {
  readonly models: readonly ModelSource[];
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

/** A model of several. */
export interface RankedModel extends Pick<EvaluationReport, 'measured' | 'comparison'> {
  readonly model: ModelSource;
  /** Place by loss, from 1; absent where it has none. */
  readonly rank: number | undefined;
  /** The outcome, or why its job gave none. */
  readonly result: PromiseSettledResult<EvaluationOutcome>;
  /** As `chanceBetter`, against the one behind it; absent for the last with a loss. */
  readonly chanceBetterThanNext: number | undefined;
}

export interface RankingReport {
  readonly base: Measurement;
  /** By loss, the best first; then those without one, as they were named. */
  readonly models: readonly RankedModel[];
}

/**
 * Measures base and model on the same rows in one sealed job, and compares them.
 * @throws what `runEvaluation` throws.
 */
export async function evaluateModel(request: EvaluationRequest, workspace: Workspace): Promise<EvaluationReport> {
  const { base, models } = await measure({ ...request, models: request.model ? [request.model] : [] }, workspace);
  const [result] = models;
  if (!result) return { outcome: base, measured: base.sets[SET], base: undefined, comparison: undefined };
  if (result.status === 'rejected') throw result.reason;
  const first = base.sets[SET]!;
  const measured = result.value.sets[SET];
  const comparison = measured && compared(first, measured, seedOf(request));
  return { outcome: result.value, measured, base: first, comparison };
}

/**
 * Measures a base and several models on the same rows in one sealed job, and ranks the models.
 * @throws what `runEvaluation` throws of the base.
 */
export async function rankModels(request: RankingRequest, workspace: Workspace): Promise<RankingReport> {
  const outcomes = await measure(request, workspace);
  const base = outcomes.base.sets[SET]!;
  const seed = seedOf(request);
  const all = request.models.map((model, index) => {
    const result = outcomes.models[index]!;
    return { model, result, measured: result.status === 'fulfilled' ? result.value.sets[SET] : undefined };
  });
  const ranked = all
    .flatMap(({ measured, ...one }) => (measured ? [{ ...one, measured }] : []))
    .sort((a, b) => a.measured.summary.loss - b.measured.summary.loss);
  const models = ranked.map(({ model, result, measured }, at): RankedModel => {
    const next = ranked[at + 1]?.measured.rows;
    return {
      ...{ model, result, measured, rank: at + 1, comparison: compared(base, measured, seed) },
      chanceBetterThanNext: next && chanceBetter(next, measured.rows, seed),
    };
  });
  const none = { rank: undefined, measured: undefined, comparison: undefined, chanceBetterThanNext: undefined };
  const unranked = all.filter(({ measured }) => !measured).map(({ model, result }) => ({ ...none, model, result }));
  return { base, models: [...models, ...unranked] };
}

/** The seed is the data's, so whoever compares the same models on the same rows gets the same figures. */
function seedOf({ rows }: { rows: RowsSource }): string {
  return `tuning evaluate ${rows.digest}`;
}

function compared(base: { rows: RowLosses }, model: { rows: RowLosses }, seed: string): Comparison {
  return {
    ...lossInterval(base.rows, model.rows, seed),
    chanceBetter: chanceBetter(base.rows, model.rows, seed),
  };
}

async function measure(
  { models, base, rows, type, sequenceLen, device }: RankingRequest,
  workspace: Workspace,
): Promise<{ base: EvaluationOutcome; models: PromiseSettledResult<EvaluationOutcome>[] }> {
  const names = ['the base', ...models.map(({ name }) => name)];
  showProgress(models.length > 1 ? `reading the base and ${models.length} models` : 'reading the weights');
  try {
    const [first, ...others] = await runSharedEvaluation(
      {
        runner: workspace.runner,
        root: join(workspace.folder, 'jobs'),
        id: 'evaluation',
        baseDir: base.dir,
        submissionDirs: [undefined, ...models.map(({ dir }) => dir)],
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
        onProgress: ({ model = 0, doneRows, totalRows }) =>
          showProgress(`measuring ${names[model]!}  ${doneRows} of ${totalRows} rows`),
      },
    );
    // What goes wrong with the base is thrown.
    return { base: (first as PromiseFulfilledResult<EvaluationOutcome>).value, models: others };
  } finally {
    showProgress(undefined);
  }
}
