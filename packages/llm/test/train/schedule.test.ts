import { expect, it } from 'vitest';
import { learningRateAt } from '../../src/train/index.ts';

const rates = (schedule: 'constant' | 'linear' | 'cosine') =>
  Array.from({ length: 8 }, (_, step) => learningRateAt(step, 8, { learningRate: 1, schedule, warmupSteps: 2 }));

// transformers.get_scheduler(name, optimiser, num_warmup_steps=2, num_training_steps=8).
it('rises from 0 and falls as transformers’ schedules do', () => {
  expect(rates('constant')).toEqual([0, 0.5, 1, 1, 1, 1, 1, 1]);
  const linear = [0, 0.5, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6];
  const cosine = [0, 0.5, 1, 0.9330127, 0.75, 0.5, 0.25, 0.0669873];
  for (const [step, rate] of rates('linear').entries()) expect(rate).toBeCloseTo(linear[step]!, 7);
  for (const [step, rate] of rates('cosine').entries()) expect(rate).toBeCloseTo(cosine[step]!, 7);
});

it('starts at the full rate without a warm-up', () => {
  expect(learningRateAt(0, 5, { learningRate: 0.3, schedule: 'cosine', warmupSteps: 0 })).toBe(0.3);
});
