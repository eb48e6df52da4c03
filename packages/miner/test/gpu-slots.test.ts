import { expect, it } from 'vitest';
import { gpusOfSlots } from '../src/training-runner.ts';

it('divides named GPUs among the slots and leaves the rest to the runner', () => {
  expect(gpusOfSlots({ slots: 2, gpus: ['0', '1', 'GPU-c'] })).toEqual([['0', 'GPU-c'], ['1']]);
  expect(gpusOfSlots({ slots: 1, gpus: ['0', '1'] })).toEqual([['0', '1']]);
  expect(gpusOfSlots({ slots: 2, gpus: ['all'] })).toBeUndefined();
  expect(gpusOfSlots({ slots: 2 })).toBeUndefined();
});
