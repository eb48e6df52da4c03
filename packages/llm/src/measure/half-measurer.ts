import type { Device, Measurement, TokenRow } from '@tuning/protocol';
import type { ModelConfig } from '../config/model-config.ts';
import { PRECISION_OF } from '../device/devices.ts';
import type { HeldWeights } from '../weights/hold-weights.ts';
import { createMeasurer, type MeasureOptions, type Measurer, type MeasurerOptions, measurerOf } from './measurer.ts';
import { nonFiniteAt, type TokenLosses } from './token-losses.ts';

/** A measurer on a device, default the CPU, in the device's precision. Blocks the event loop, as `createMeasurer` does. */
export function createDeviceMeasurer(
  config: ModelConfig,
  weights: HeldWeights,
  { device = 'cpu', threads }: { device?: Device | undefined; threads: number },
): Measurer {
  const create = PRECISION_OF[device] === 'float16' ? createHalfMeasurer : createMeasurer;
  return create(config, weights, { device, threads });
}

/**
 * Measures in float16. A row that this cannot hold (a number beyond 65,504 in a weight or in between, which makes its losses
 * infinite or NaN) is measured again in float32 on the CPU: whether a model's losses are finite must not depend on the device,
 * for it is a verdict on a miner. On the CPU, where float16 is emulated, losses do not depend on what else is measured; a GPU
 * may add up by batch shape.
 * @throws as `Measurer`, `NON_FINITE_LOSS` only where float32 cannot hold the row either.
 */
export function createHalfMeasurer(
  config: ModelConfig,
  weights: HeldWeights,
  { device = 'cpu', threads = 1 }: Pick<MeasurerOptions, 'device' | 'threads'>,
): Measurer {
  const half = createMeasurer(config, weights, { device, threads, precision: 'float16', nonFinite: true });
  /** The losses, and how many rows were measured in float32. */
  const lossesOf = async (
    rows: readonly TokenRow[],
    options: MeasureOptions = {},
  ): Promise<[TokenLosses[], number]> => {
    const losses = await half.tokenLosses(rows, options);
    const again = [...rows.keys()].filter((index) => nonFiniteAt(rows[index]!, losses[index]!) >= 0);
    if (again.length > 0) {
      // Made only now: most models never need a second graph. Its progress is not told, for the rows were counted already.
      const full = createMeasurer(config, weights, { threads });
      const chosen = again.map((index) => rows[index]!);
      const exact = await full.tokenLosses(chosen, options.signal ? { signal: options.signal } : {});
      for (const [at, index] of again.entries()) losses[index] = exact[at]!;
    }
    return [losses, again.length];
  };
  return {
    tokenLosses: async (rows, options) => (await lossesOf(rows, options))[0],
    measure: async (rows, options): Promise<Measurement> => {
      let rowsInFloat32 = 0;
      const counting = measurerOf(async (...args) => {
        const [losses, again] = await lossesOf(...args);
        rowsInFloat32 = again;
        return losses;
      });
      const { summary, ...rest } = await counting.measure(rows, options);
      return { ...rest, summary: { ...summary, arithmetic: { device, precision: 'float16', rowsInFloat32 } } };
    },
  };
}
