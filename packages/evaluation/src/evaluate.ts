import { readDataset, tokenise } from '@tuning/dataset';
import {
  checkTensors,
  createDeviceMeasurer,
  type HeldWeights,
  loadTokenizerFor,
  openModelWeights,
  readModelConfig,
  type WeightHolder,
} from '@tuning/llm';
import type { Measurement, Verdict } from '@tuning/protocol';
import { changeEvidence } from './fine-tune.ts';
import { checkFolder } from './folder-check.ts';
import type { EvaluationJobInput, EvaluationProgress } from './job-input.ts';
import { type Base, holdBase, type Judgement, judgeSubmission, type WeightSpace } from './judge.ts';
import type { EvaluationOutcome } from './outcome.ts';
import { encodeSketch } from './sketch-wire.ts';
import { verdictOfError } from './submission-error.ts';

type OnProgress = (progress: EvaluationProgress) => void;

/**
 * The work of one evaluation job: judge, then measure each set. Blocks the event loop.
 * @param space where what an adapter changes of a large model may be written.
 * @throws BadInputError where the base or the sets are unusable; what is wrong with the submission is in the verdict.
 */
export async function evaluate(
  input: EvaluationJobInput,
  onProgress: OnProgress,
  space: WeightSpace,
): Promise<EvaluationOutcome> {
  const config = await readModelConfig(input.baseDir);
  const store = await openModelWeights(config, input.baseDir);
  try {
    checkTensors(config, store);
    const base: Base = { dir: input.baseDir, config, store };
    if (input.submissionDir === undefined) {
      const measured = await measureHeld(base, await holdBase(base, space), input, onProgress);
      return { kind: 'base', verdict: { code: 'accepted', reason: 'the base model itself was measured' }, ...measured };
    }
    const foreign = input.anyFiles ? undefined : await checkFolder(input.submissionDir);
    if (foreign) return { kind: 'full', verdict: foreign, sets: {}, dropped: {} };
    const expected = input.expected && { repo: input.expected.baseRepo, revision: input.expected.baseRevision };
    const seed = input.sketchSeed === undefined ? undefined : Buffer.from(input.sketchSeed, 'hex');
    const judgement = await judgeSubmission(base, input.submissionDir, expected, space, seed);
    return await outcomeOf(base, judgement, input, onProgress);
  } finally {
    await store.close();
  }
}

async function outcomeOf(
  base: Base,
  judgement: Judgement,
  input: EvaluationJobInput,
  onProgress: OnProgress,
): Promise<EvaluationOutcome> {
  const { verdict, held } = judgement;
  const found = findings(judgement);
  if (verdict || !held) return { ...found, verdict: verdict!, sets: {}, dropped: {} };
  try {
    const measured = await measureHeld(base, held, input, onProgress);
    return { ...found, verdict: accepted(judgement), ...measured };
  } catch (error) {
    // Only the loss depends on the submission here; base, tokenizer and rows are ours.
    const refusal = verdictOfError(error);
    if (refusal?.code !== 'non_finite_loss') throw error;
    return { ...found, verdict: refusal, sets: {}, dropped: {} };
  }
}

/** What was found out about the weights, whatever the verdict. */
function findings({ kind, weightsDigest, comparison, sketch }: Judgement) {
  return {
    kind,
    ...(weightsDigest === undefined ? {} : { weightsDigest }),
    ...(comparison === undefined
      ? {}
      : {
          changes: comparison.tensors.map(({ name, relative, cosine, turned }) => ({ name, relative, cosine, turned })),
        }),
    ...(sketch === undefined ? {} : { sketch: encodeSketch(sketch) }),
  };
}

function accepted({ kind, comparison }: Judgement): Verdict {
  return {
    code: 'accepted',
    reason: kind === 'adapter' ? 'a LoRA adapter of the base model' : 'a full fine-tune of the base model',
    ...(comparison ? { evidence: changeEvidence(comparison) } : {}),
  };
}

async function measureHeld(base: Base, held: WeightHolder, input: EvaluationJobInput, onProgress: OnProgress) {
  try {
    return await measureSets(base, held.weights, input, onProgress);
  } finally {
    await held.close();
  }
}

async function measureSets(
  { config }: Base,
  weights: HeldWeights,
  input: EvaluationJobInput,
  onProgress: OnProgress,
): Promise<Pick<EvaluationOutcome, 'sets' | 'dropped'>> {
  const tokenizer = await loadTokenizerFor(input.datasetType, input.baseDir);
  const measurer = createDeviceMeasurer(config, weights, { threads: input.threads, device: input.device });
  const sets: Record<string, Measurement> = {};
  const droppedOf: Record<string, Record<string, number>> = {};
  for (const { name, rowsFile } of input.sets) {
    const dataset = await readDataset({ path: rowsFile, format: 'json' });
    const { rows, dropped } = tokenise(dataset.rows, input.datasetType, tokenizer, input.sequenceLen);
    sets[name] = await measurer.measure(rows, {
      dropped,
      onProgress: (progress) => onProgress({ set: name, ...progress }),
    });
    droppedOf[name] = dropped;
  }
  return { sets, dropped: droppedOf };
}
