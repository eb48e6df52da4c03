import { BadInputError } from '@tuning/kit';
import type { Device, Measurement, Precision, TokenRow } from '@tuning/protocol';
import type { InferenceSession } from 'onnxruntime-node';
import type { ModelConfig } from '../config/model-config.ts';
import { buildForward } from '../graph/forward.ts';
import type { FileTensor } from '../onnx/tensor.ts';
import { createSession } from '../runtime.ts';
import { MAPPED_FROM } from '../weights/float-file.ts';
import type { HeldWeights } from '../weights/hold-weights.ts';
import type { MappedModelWeights } from '../weights/mapped-weights.ts';
import type { Batch } from './batches.ts';
import { summarise, sumRow } from './summary.ts';
import { measureModels, requireFinite, type TokenLosses } from './token-losses.ts';

export interface MeasureOptions {
  /** Rows that were left out before, by reason; carried into the summary. */
  dropped?: Readonly<Record<string, number>>;
  onProgress?: (progress: { doneRows: number; totalRows: number }) => void;
  signal?: AbortSignal;
}

/** A loaded model that measures rows. */
export interface Measurer {
  /**
   * Token losses of each row, in the rows' order. They do not depend on which other rows are measured, on their order or
   * on the number of threads: the bits are the same.
   * @throws BadInputError `ROW_INVALID`; `NON_FINITE_LOSS` naming the row where a counted token's loss is NaN or infinite.
   */
  tokenLosses(rows: readonly TokenRow[], options?: MeasureOptions): Promise<TokenLosses[]>;
  /** Sums per row and over the set, in float64. @throws as `tokenLosses`, and `NO_ROWS` for an empty set. */
  measure(rows: readonly TokenRow[], options?: MeasureOptions): Promise<Measurement>;
}

export interface MeasurerOptions {
  /** Threads inside one operator, default 1. The result is the same for any number. */
  threads?: number;
  /** Default 'cpu'. */
  device?: Device;
  /** Default 'float32'. */
  precision?: Precision;
  /** True: losses that are not finite are given out instead of refused. */
  nonFinite?: boolean;
}

/** True for weights that are part of the graph, as files that it names: no session of theirs can measure others. */
export function isMapped(weights: HeldWeights): weights is MappedModelWeights {
  return 'tensors' in weights;
}

/**
 * What compiles the graph for the shape of a batch.
 * @param files where the weights lie; undefined: they are fed.
 */
export function compilerOf(
  config: ModelConfig,
  { threads = 1, device = 'cpu', precision = 'float32' }: MeasurerOptions,
  files?: ReadonlyMap<string, FileTensor>,
): (shape: Batch) => Promise<InferenceSession> {
  return (shape) =>
    createSession(buildForward(config, shape, files, precision, device), {
      threads,
      device,
      // A masked key's weight is one, and there are as many as others.
      flushDenormals: device === 'cpu',
      // The graph is fused as it is built; optimising it costs as much as compiling it and changes no number.
      optimisation: 'disabled',
      ...(files ? { filesFrom: MAPPED_FROM } : {}),
    });
}

/**
 * A measurer over weights that are used in place and must not change meanwhile. Compiling and running BLOCK the event
 * loop: for processes of sealed jobs only.
 */
export function createMeasurer(config: ModelConfig, weights: HeldWeights, options: MeasurerOptions = {}): Measurer {
  const { nonFinite = false } = options;
  const compile = compilerOf(config, options, isMapped(weights) ? weights.tensors : undefined);
  return measurerOf(async (rows, { onProgress, signal } = {}) => {
    const losses: TokenLosses[] = new Array(rows.length);
    const model = {
      weights: isMapped(weights) ? undefined : weights,
      take: (index: number, own: TokenLosses) => {
        if (!nonFinite) requireFinite(rows[index]!, own);
        losses[index] = own;
      },
      onProgress,
    };
    const [refusal] = await measureModels(config, compile, [model], rows, signal);
    if (refusal) throw refusal;
    return losses;
  });
}

/** A measurer that adds up what `tokenLosses` gives. */
export function measurerOf(tokenLosses: Measurer['tokenLosses']): Measurer {
  return {
    tokenLosses,
    measure: async (rows, options = {}) => {
      const { dropped = {} } = options;
      requireRows(rows, dropped);
      const losses = await tokenLosses(rows, options);
      return summarise(
        rows,
        losses.map((own, index) => sumRow(rows[index]!, own)),
        dropped,
      );
    },
  };
}

/** @throws BadInputError `NO_ROWS`. */
export function requireRows(rows: readonly TokenRow[], dropped: Readonly<Record<string, number>>): void {
  if (rows.length > 0) return;
  throw new BadInputError('NO_ROWS', 'there is no row to measure: all were left out or the set is empty', {
    details: { dropped },
  });
}
