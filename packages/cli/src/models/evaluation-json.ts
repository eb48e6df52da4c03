import { errorCode, errorMessage } from '@tuning/kit';
import type { EvaluationReport, EvaluationRequest, RankedModel, RankingReport, RankingRequest } from './evaluation.ts';
import type { ModelSource } from './model-source.ts';

/** `tuning evaluate --json` of one model. */
export function evaluationJson(report: EvaluationReport, request: EvaluationRequest, withRows: boolean): unknown {
  const { outcome, measured, base, comparison } = report;
  return {
    model: identity(request.model ?? request.base),
    base: request.model && identity(request.base),
    data: dataOf(request),
    kind: outcome.kind,
    verdict: outcome.verdict,
    weightsDigest: outcome.weightsDigest,
    measured: measured?.summary,
    baseMeasured: base?.summary,
    comparison,
    rows: withRows ? measured?.rows : undefined,
    baseRows: withRows ? base?.rows : undefined,
  };
}

/** The same of several: of each model what is its own, in the order of the ranking. */
export function rankingJson({ base, models }: RankingReport, request: RankingRequest, withRows: boolean): unknown {
  return {
    base: identity(request.base),
    data: dataOf(request),
    baseMeasured: base.summary,
    baseRows: withRows ? base.rows : undefined,
    models: models.map((ranked) => rankedJson(ranked, withRows)),
  };
}

function rankedJson(
  { model, rank, result, measured, comparison, chanceBetterThanNext }: RankedModel,
  withRows: boolean,
): unknown {
  const found =
    result.status === 'fulfilled'
      ? { kind: result.value.kind, verdict: result.value.verdict, weightsDigest: result.value.weightsDigest }
      : { error: { code: errorCode(result.reason), message: errorMessage(result.reason) } };
  return {
    rank,
    model: identity(model),
    ...found,
    measured: measured?.summary,
    comparison,
    chanceBetterThanNext,
    rows: withRows ? measured?.rows : undefined,
  };
}

function identity({ name, dir, repo, leftOut }: ModelSource) {
  return { name, dir, ...repo, leftOut };
}

function dataOf({ rows, type, sequenceLen }: Pick<EvaluationRequest, 'rows' | 'type' | 'sequenceLen'>) {
  const { file: _temporary, ...data } = rows;
  return { ...data, type, sequenceLen };
}
