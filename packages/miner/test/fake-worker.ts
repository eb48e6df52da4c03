import type { CurvePoint } from '@tuning/protocol';
import type { TrainingWorker } from '@tuning/training';

/** Trains nothing; remembers what it was told. */
export class FakeWorker {
  /** By job id. */
  readonly curves = new Map<string, CurvePoint[]>();

  wakes = 0;
  readonly cancelled: string[] = [];

  wake = (): void => {
    this.wakes += 1;
  };

  cancel = async (id: string): Promise<boolean> => {
    this.cancelled.push(id);
    return true;
  };

  curve = async (id: string): Promise<CurvePoint[]> => this.curves.get(id) ?? [];

  asWorker(): TrainingWorker {
    return this as unknown as TrainingWorker;
  }
}
