import { isTuningError } from '@tuning/kit';
import type { Device, Measurement, TokenRow } from '@tuning/protocol';
import type { ModelConfig } from '../config/model-config.ts';
import { PRECISION_OF } from '../device/devices.ts';
import type { HeldWeights } from '../weights/hold-weights.ts';
import type { ModelWeights } from '../weights/model-weights.ts';
import { planBatches } from './batches.ts';
import { createDeviceMeasurer } from './half-measurer.ts';
import { compilerOf, isMapped, type MeasureOptions, requireRows } from './measurer.ts';
import { type RowSum, summarise, sumRow } from './summary.ts';
import { measureModels, requireFinite, type TokenLosses } from './token-losses.ts';

export interface SharedMeasureOptions extends Omit<MeasureOptions, 'onProgress'> {
  /** `model`: index of the weights that are measured. */
  onProgress?: (progress: { model: number; doneRows: number; totalRows: number }) => void;
}

/** Several sets of weights of one config, measured on the same rows. */
export interface SharedMeasurer {
  /**
   * Of each set of weights, in their order, what `Measurer.measure` gives of it alone, with the same bits, or the
   * BadInputError that it throws for what is wrong with that set of weights, which costs the others nothing.
   * @throws BadInputError `ROW_INVALID`, `NO_ROWS`; the signal's reason.
   */
  measure(rows: readonly TokenRow[], options?: SharedMeasureOptions): Promise<PromiseSettledResult<Measurement>[]>;
}

/**
 * A measurer of several sets of weights of one config. Those in memory are fed to each run and are no part of a session, so
 * each batch shape is compiled once for all of them. Mapped ones (2 GiB and more, and all on a GPU) are part of the graph:
 * where any is, or the device is a GPU, each set is measured by itself, with sessions of its own. Blocks the event loop.
 */
export function createSharedMeasurer(
  config: ModelConfig,
  weights: readonly HeldWeights[],
  options: { device?: Device | undefined; threads: number },
): SharedMeasurer {
  const { device = 'cpu', threads } = options;
  const fed = weights.filter((held): held is ModelWeights => !isMapped(held));
  if (PRECISION_OF[device] !== 'float32' || fed.length < weights.length) return oneByOne(config, weights, options);
  return {
    measure: async (rows, { dropped = {}, onProgress, signal } = {}) => {
      requireRows(rows, dropped);
      const sums = fed.map(() => new Array<RowSum>(rows.length));
      const models = fed.map((held, model) => ({
        weights: held,
        take: (index: number, losses: TokenLosses) => {
          requireFinite(rows[index]!, losses);
          sums[model]![index] = sumRow(rows[index]!, losses);
        },
        onProgress: onProgress && ((progress: Progress) => onProgress({ model, ...progress })),
      }));
      const refusals = await measureModels(config, compilerOf(config, { threads, device }), models, rows, signal);
      return Promise.allSettled(
        refusals.map(async (refusal, model) => {
          if (refusal) throw refusal;
          return summarise(rows, sums[model]!, dropped);
        }),
      );
    },
  };
}

type Progress = { doneRows: number; totalRows: number };

/** Each set of weights with sessions of its own. */
function oneByOne(
  config: ModelConfig,
  weights: readonly HeldWeights[],
  options: { device?: Device | undefined; threads: number },
): SharedMeasurer {
  return {
    measure: async (rows, { onProgress, ...rest } = {}) => {
      // What is wrong with the rows is said once, of none of the models.
      requireRows(rows, rest.dropped ?? {});
      planBatches(rows, config);
      const results: PromiseSettledResult<Measurement>[] = [];
      for (const [model, held] of weights.entries()) {
        const told = onProgress && { onProgress: (progress: Progress) => onProgress({ model, ...progress }) };
        try {
          const value = await createDeviceMeasurer(config, held, options).measure(rows, { ...rest, ...told });
          results.push({ status: 'fulfilled', value });
        } catch (reason) {
          if (!isTuningError(reason) || reason.name !== 'BadInputError') throw reason;
          results.push({ status: 'rejected', reason });
        }
      }
      return results;
    },
  };
}
