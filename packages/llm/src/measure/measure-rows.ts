import type { Measurement, TokenRow } from '@tuning/protocol';
import { readModelConfig } from '../config/model-config.ts';
import { loadWeights, type WeightSource } from '../weights/load-weights.ts';
import { createMeasurer, type MeasureOptions } from './measurer.ts';

/**
 * Measures rows with the graph of the base's config and the weights given. Blocks the event loop: for processes of
 * sealed jobs.
 * @throws what `readModelConfig`, `loadWeights` and `Measurer.measure` throw.
 */
export async function measureRows(
  args: {
    /** Folder of the base: its config.json decides the graph. */
    baseDir: string;
    weights: WeightSource;
    rows: readonly TokenRow[];
    /** Default 1. The result is the same for any number. */
    threads?: number;
  } & MeasureOptions,
): Promise<Measurement> {
  const config = await readModelConfig(args.baseDir);
  const weights = await loadWeights(config, args.weights);
  return createMeasurer(config, weights, args).measure(args.rows, args);
}
