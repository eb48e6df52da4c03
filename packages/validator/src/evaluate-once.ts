import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFileList, type EvaluationOutcome } from '@tuning/evaluation';
import { errorCode, errorMessage, GIB } from '@tuning/kit';
import { localFilesOf, takeInDataset } from '@tuning/neuron';
import { type EvaluateRequest, LIMITS, type LossSummary, type Verdict } from '@tuning/protocol';
import type { ValidatorServices } from './services.ts';

const CARD = /^(README\.md|\.gitattributes)$/;

/** The field's answer, with the verdict and the base's own numbers beside it. */
export interface EvaluateAnswer {
  is_finetune: boolean;
  eval_results: (LossSummary & { rows_kept: number; rows_dropped: Record<string, number> }) | null;
  base_results: LossSummary | null;
  verdict: Verdict;
  /** How each tensor differs from the original's, in the model's order; null where they were never compared. */
  changes: NonNullable<EvaluationOutcome['changes']> | null;
  model: { repo: string; revision: string };
  original_model: { repo: string; revision: string };
}

/** `POST /evaluate/`: judges any hub model as a fine-tune of another and measures both on a dataset. */
export async function evaluateOnce(
  services: ValidatorServices,
  request: EvaluateRequest,
  signal: AbortSignal,
): Promise<EvaluateAnswer> {
  const { hub, models, folder, config, evaluations } = services;
  const id = `once-${randomUUID()}`;
  const root = folder.file('evaluate', id);
  try {
    const original = await models.check(request.original_model, request.original_model_revision, signal);
    const wanted = {
      type: 'model' as const,
      repo: request.model,
      ...(request.model_revision ? { revision: request.model_revision } : {}),
    };
    const { revision } = await hub.resolve(wanted, { signal });
    const model = { repo: request.model, revision };
    const rowsFile = join(root, 'rows.jsonl');
    const place = { folder: join(root, 'intake'), rowsFile };
    await takeInDataset(request, hub, place, localFilesOf(config, folder.path), { signal });

    const fetched = await fetchModel(services, model, join(root, 'model'), signal);
    const common = {
      root: join(root, 'jobs'),
      expected: { baseRepo: original.repo, baseRevision: original.revision },
      sets: [{ name: 'dataset', rowsFile }],
      datasetType: request.dataset_type,
      sequenceLen: config.tournament.sequence_len,
    };
    const [base, outcome] = await models.use(
      original,
      async (baseDir) => [
        await evaluations.run({ ...common, baseDir, id: `${id}-base`, submissionDir: undefined }, signal),
        fetched.verdict
          ? { verdict: fetched.verdict, sets: {} as Record<string, undefined>, changes: undefined }
          : await evaluations.run({ ...common, baseDir, id, submissionDir: fetched.dir }, signal),
      ],
      signal,
    );
    const baseLoss = base.sets['dataset']?.summary;
    // An untouched base has the base's losses; anything else that was refused was not measured.
    const measured =
      outcome.sets['dataset']?.summary ?? (outcome.verdict.code === 'identical_to_base' ? baseLoss : undefined);
    return {
      is_finetune: outcome.verdict.code === 'accepted',
      eval_results: measured ? { ...measured, rows_kept: measured.rowsKept, rows_dropped: measured.rowsDropped } : null,
      base_results: baseLoss ?? null,
      verdict: outcome.verdict,
      changes: outcome.changes ?? null,
      model,
      original_model: original,
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function fetchModel(
  { hub, config }: ValidatorServices,
  model: { repo: string; revision: string },
  dir: string,
  signal: AbortSignal,
): Promise<{ dir: string; verdict?: undefined } | { verdict: Verdict; dir?: undefined }> {
  const maxBytes = Math.round(config.evaluation.max_model_gb * GIB);
  const limits = { maxBytes, maxFiles: LIMITS.submissionFiles };
  const refused = checkFileList(await hub.list({ type: 'model', ...model }, { signal }), limits);
  if (refused) return { verdict: refused };
  try {
    await hub.download({ type: 'model', ...model, to: dir, limits, accept: (path) => !CARD.test(path) }, { signal });
  } catch (error) {
    if (errorCode(error) === 'HUB_DOWNLOAD_LIMIT')
      return { verdict: { code: 'too_large', reason: errorMessage(error) } };
    throw error;
  }
  return { dir };
}
