import type { TensorChange, WeightComparison } from '@tuning/llm';
import type { Verdict } from '@tuning/protocol';
import { median } from './similarity.ts';

/**
 * A model whose weights moved by less than this, relative to their size, is the base: the change is of the order of
 * float32 rounding. One optimiser step at a learning rate of 1e-6 moves weights of 0.02 by 5e-5. A factor on a whole
 * tensor is not counted: it takes no training.
 */
export const SAME_WEIGHTS = 1e-6;

/**
 * Below this median cosine between the matrices of base and submission they have nothing to do with each other.
 * Independently trained models have one of about ±1/√elements, whatever their size (measured: 0.01). Fine-tunes of a tiny
 * model (test/fine-tune.test.ts; more rates tried by hand) keep 0.99 at an ordinary learning rate, 0.6 at thirty times
 * that, and 0.24 at a hundred times, where training already fails; a merged LoRA 0.99 to 0.7. The relative change cannot
 * tell the two apart: useful fine-tunes of small models reach 1.2, unrelated models have 1.4.
 */
export const UNRELATED_COSINE = 0.1;

/**
 * The same for a single matrix: one that was exchanged, corrupted or whose rows stand in another order has a cosine of
 * about ±1/√elements. Over 200 honest fine-tunes the lowest of any matrix is far above (experiments/README.md).
 */
export const UNRELATED_MATRIX_COSINE = 0.05;

/**
 * Judges whether effective weights are a fine-tune of the base: not the base itself, and not another model.
 * @returns a verdict, or undefined where it is one.
 */
export function checkFineTune(comparison: WeightComparison): Verdict | undefined {
  return checkChanged(comparison) ?? checkRelated(matricesOf(comparison));
}

/** The part of `checkFineTune` that asks whether anything was trained at all. */
export function checkChanged(comparison: WeightComparison): Verdict | undefined {
  if (comparison.turned >= SAME_WEIGHTS) return undefined;
  const rescaled = comparison.relative >= SAME_WEIGHTS;
  return {
    code: 'identical_to_base',
    reason: rescaled
      ? 'the weights are those of the base model times a factor per tensor: nothing was trained'
      : 'the weights are those of the base model: nothing was trained',
    evidence: changeEvidence(comparison),
  };
}

function checkRelated(matrices: readonly TensorChange[]): Verdict | undefined {
  const cosine = median(matrices.map((tensor) => tensor.cosine));
  const strangers = matrices.filter((tensor) => tensor.cosine < UNRELATED_MATRIX_COSINE);
  const evidence = {
    medianCosine: cosine,
    medianRelativeChange: median(matrices.map(({ relative }) => relative)),
    matrices: matrices.length,
    unrelatedMatrices: strangers.length,
  };
  if (cosine < UNRELATED_COSINE) {
    const reason = `the weights are not a fine-tune of the base: the median cosine of their matrices is ${cosine.toFixed(4)}, fine-tunes keep it above ${UNRELATED_COSINE}`;
    return { code: 'unrelated_weights', reason, evidence };
  }
  const [stranger] = strangers.sort((a, b) => a.cosine - b.cosine);
  if (!stranger) return undefined;
  const reason = `${strangers.length} of ${matrices.length} matrices have nothing to do with the base's: the cosine of ${stranger.name.slice(0, 200)} is ${stranger.cosine.toFixed(4)}, fine-tunes keep it above ${UNRELATED_MATRIX_COSINE}`;
  return { code: 'unrelated_weights', reason, evidence: { ...evidence, tensor: stranger.name.slice(0, 1_000) } };
}

/** Norm weights are all near 1, so their direction says nothing. */
function matricesOf({ tensors }: WeightComparison): readonly TensorChange[] {
  return tensors.filter(({ shape }) => shape.length > 1);
}

/** The change in a few numbers, for any verdict that comes after the comparison. */
export function changeEvidence(comparison: WeightComparison): NonNullable<Verdict['evidence']> {
  const { relative, turned, tensors } = comparison;
  const changed = tensors.filter((tensor) => tensor.relative > 0);
  const most = changed.reduce<TensorChange | undefined>(
    (best, next) => (best && best.turned >= next.turned ? best : next),
    undefined,
  );
  return {
    relativeChange: relative,
    turned,
    changedTensors: changed.length,
    tensors: tensors.length,
    medianCosine: median(matricesOf(comparison).map(({ cosine }) => cosine)),
    ...(most ? { mostChanged: most.name.slice(0, 1_000) } : {}),
  };
}
