import { readDataset, tokenise } from '@tuning/dataset';
import { createSharedMeasurer, loadTokenizerFor, type WeightHolder } from '@tuning/llm';
import type { EvaluationProgress, SharedJobInput } from './job-input.ts';
import type { Base } from './judge.ts';
import type { EvaluationOutcome } from './outcome.ts';
import { verdictOfError } from './submission-error.ts';

/** A model that is fit to be measured. */
export interface Candidate {
  /** Its place among the submissions of the job. */
  readonly index: number;
  readonly held: WeightHolder;
  /** Its outcome but for the numbers. */
  readonly found: Omit<EvaluationOutcome, 'sets' | 'dropped'>;
}

/**
 * Measures models of one base on each set. A submission whose loss is no number is refused, and measured no further.
 * @returns outcomes in the candidates' order.
 * @throws BadInputError where the base's losses are no numbers, or the sets are unusable.
 */
export async function measureTogether(
  { config, dir }: Base,
  candidates: readonly Candidate[],
  { datasetType, sequenceLen, sets, threads, device }: SharedJobInput,
  onProgress: (progress: EvaluationProgress) => void,
): Promise<EvaluationOutcome[]> {
  const outcomes = candidates.map(({ found }): EvaluationOutcome => ({ ...found, sets: {}, dropped: {} }));
  let going = [...candidates.keys()];
  const tokenizer = await loadTokenizerFor(datasetType, dir);
  for (const { name, rowsFile } of sets) {
    if (going.length === 0) break;
    const dataset = await readDataset({ path: rowsFile, format: 'json' });
    const { rows, dropped } = tokenise(dataset.rows, datasetType, tokenizer, sequenceLen);
    const weights = going.map((at) => candidates[at]!.held.weights);
    const results = await createSharedMeasurer(config, weights, { threads, device }).measure(rows, {
      dropped,
      onProgress: ({ model, ...progress }) =>
        onProgress({ set: name, ...progress, model: candidates[going[model]!]!.index }),
    });
    for (const [model, result] of results.entries()) {
      const at = going[model]!;
      if (result.status === 'rejected') {
        outcomes[at] = refused(candidates[at]!, result.reason);
      } else {
        outcomes[at]!.sets[name] = result.value;
        outcomes[at]!.dropped[name] = dropped;
      }
    }
    going = going.filter((_, model) => results[model]!.status === 'fulfilled');
  }
  return outcomes;
}

function refused({ found }: Candidate, reason: unknown): EvaluationOutcome {
  // Only the loss depends on the submission here; base, tokenizer and rows are ours.
  const verdict = verdictOfError(reason);
  if (found.kind === 'base' || verdict?.code !== 'non_finite_loss') throw reason;
  return { ...found, verdict, sets: {}, dropped: {} };
}
