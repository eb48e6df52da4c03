import type { LearningRateSchedule } from './hyperparameters.ts';

/**
 * Learning rate of the optimiser step with index `step` (the first is 0), as `transformers.get_scheduler` has it: a
 * linear warm-up from 0, then constant, or falling to 0 at `totalSteps` in a straight line or half a cosine.
 */
export function learningRateAt(
  step: number,
  totalSteps: number,
  options: { learningRate: number; schedule: LearningRateSchedule; warmupSteps: number },
): number {
  const { learningRate, schedule, warmupSteps } = options;
  if (step < warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps);
  if (schedule === 'constant') return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  return learningRate * (schedule === 'linear' ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress)));
}
