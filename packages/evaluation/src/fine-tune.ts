import type { WeightComparison } from '@tuning/llm';
import type { Verdict } from '@tuning/protocol';

/**
 * A model whose weights moved by less than this, relative to their size, is the base: the change is of the order of
 * float32 rounding. One optimiser step at a learning rate of 1e-6 moves weights of 0.02 by 5e-5.
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
 * Judges whether a full model is a fine-tune of the base: not the base itself, and not another model.
 * @returns a verdict, or undefined where it is one.
 */
export function checkFineTune(comparison: WeightComparison): Verdict | undefined {
  const same = checkChanged(comparison);
  if (same) return same;
  // Norm weights are all near 1, so their direction says nothing.
  const matrices = comparison.tensors.filter(({ shape }) => shape.length > 1);
  const cosine = median(matrices.map((tensor) => tensor.cosine));
  if (cosine >= UNRELATED_COSINE) return undefined;
  return {
    code: 'unrelated_weights',
    reason: `the weights are not a fine-tune of the base: the median cosine of their matrices is ${cosine.toFixed(4)}, fine-tunes keep it above ${UNRELATED_COSINE}`,
    evidence: {
      medianCosine: cosine,
      medianRelativeChange: median(matrices.map(({ relative }) => relative)),
      matrices: matrices.length,
    },
  };
}

/** The part of `checkFineTune` that adapters need too: they are related to the base by construction. */
export function checkChanged({ relative, tensors }: WeightComparison): Verdict | undefined {
  if (relative >= SAME_WEIGHTS) return undefined;
  return {
    code: 'identical_to_base',
    reason: 'the weights are those of the base model: nothing was trained',
    evidence: { relativeChange: relative, changedTensors: tensors.filter((tensor) => tensor.relative > 0).length },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
