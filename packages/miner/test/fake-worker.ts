import type { TrainingWorker } from '@tuning/training';

/** Trains nothing; remembers what it was told. */
export class FakeWorker {
  wakes = 0;
  readonly cancelled: string[] = [];

  wake = (): void => {
    this.wakes += 1;
  };

  cancel = async (id: string): Promise<boolean> => {
    this.cancelled.push(id);
    return true;
  };

  asWorker(): TrainingWorker {
    return this as unknown as TrainingWorker;
  }
}
