import { BadInputError } from '@tuning/kit';
import { type Device, IGNORED_LABEL, type Measurement, type Precision, type TokenRow } from '@tuning/protocol';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import { buildForward } from '../graph/forward.ts';
import { createSession, loadRuntime } from '../runtime.ts';
import { MAPPED_FROM } from '../weights/float-file.ts';
import type { HeldWeights } from '../weights/hold-weights.ts';
import type { MappedModelWeights } from '../weights/mapped-weights.ts';
import type { ModelWeights } from '../weights/model-weights.ts';
import { type Batch, fillBatch, planBatches } from './batches.ts';
import { summarise } from './summary.ts';

export interface MeasureOptions {
  /** Rows that were left out before, by reason; carried into the summary. */
  dropped?: Readonly<Record<string, number>>;
  onProgress?: (progress: { doneRows: number; totalRows: number }) => void;
  signal?: AbortSignal;
}

/** Losses of one row: `nll[i]` is the loss of predicting `ids[i + 1]`, 0 where its label is ignored. */
export type TokenLosses = Float32Array;

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

const isMapped = (weights: HeldWeights): weights is MappedModelWeights => 'tensors' in weights;

/**
 * A measurer over weights that are used in place and must not change meanwhile. Compiling and running BLOCK the event
 * loop: for processes of sealed jobs only.
 */
export function createMeasurer(config: ModelConfig, weights: HeldWeights, options: MeasurerOptions = {}): Measurer {
  const { threads = 1, device = 'cpu', precision = 'float32', nonFinite = false } = options;
  const compile = (batch: Batch): Promise<InferenceSession> => {
    const files = isMapped(weights) ? weights.tensors : undefined;
    return createSession(buildForward(config, batch, files, precision, device), {
      threads,
      device,
      // A masked key's weight is one, and there are as many as others.
      flushDenormals: device === 'cpu',
      // The graph is fused as it is built; optimising it costs as much as compiling it and changes no number.
      optimisation: 'disabled',
      ...(files ? { filesFrom: MAPPED_FROM } : {}),
    });
  };
  const tokenLosses: Measurer['tokenLosses'] = async (rows, options = {}) => {
    const { batches } = planBatches(rows, config);
    const losses: TokenLosses[] = new Array(rows.length);
    const feeds = isMapped(weights) ? {} : await weightFeeds(config, weights);
    let done = 0;
    let session: InferenceSession | undefined;
    let compiledFor: Batch | undefined;
    try {
      for (const batch of batches) {
        options.signal?.throwIfAborted();
        if (batch.tokens !== compiledFor?.tokens || batch.rowTokens !== compiledFor.rowTokens) {
          // One session at a time: each keeps an arena of its own.
          await session?.release();
          session = await compile(batch);
          compiledFor = batch;
        }
        await runBatch(session!, feeds, batch, rows, losses, nonFinite);
        done += batch.members.length;
        options.onProgress?.({ doneRows: done, totalRows: rows.length });
      }
    } finally {
      await session?.release();
    }
    return losses;
  };
  return measurerOf(tokenLosses);
}

/** A measurer that adds up what `tokenLosses` gives. */
export function measurerOf(tokenLosses: Measurer['tokenLosses']): Measurer {
  return {
    tokenLosses,
    measure: async (rows, options = {}) => {
      if (rows.length === 0) {
        throw new BadInputError('NO_ROWS', 'there is no row to measure: all were left out or the set is empty', {
          details: { dropped: options.dropped ?? {} },
        });
      }
      return summarise(rows, await tokenLosses(rows, options), options.dropped ?? {});
    },
  };
}

async function weightFeeds(config: ModelConfig, weights: ModelWeights): Promise<Record<string, Tensor>> {
  const ort = await loadRuntime();
  const feeds: Record<string, Tensor> = {};
  for (const [name, shape] of modelTensors(config)) {
    const data = weights.get(name);
    if (!data) throw new BadInputError('TENSOR_MISSING', `the weights lack ${name}`, { details: { tensor: name } });
    feeds[name] = new ort.Tensor('float32', data, shape);
  }
  return feeds;
}

async function runBatch(
  session: InferenceSession,
  weights: Record<string, Tensor>,
  batch: Batch,
  rows: readonly TokenRow[],
  losses: TokenLosses[],
  nonFinite: boolean,
): Promise<void> {
  const ort = await loadRuntime();
  const { ids, labels } = fillBatch(batch, rows);
  const dims = [batch.batch, batch.tokens];
  const feeds = {
    ...weights,
    input_ids: new ort.Tensor('int64', ids, dims),
    labels: new ort.Tensor('int64', labels, dims),
  };
  const nll = (await session.run(feeds))['nll']!.data as Float32Array;
  for (const [slot, member] of batch.members.entries()) {
    const row = rows[member]!;
    const own = nll.slice(slot * batch.tokens, slot * batch.tokens + row.ids.length - 1);
    if (!nonFinite) requireFinite(row, own);
    losses[member] = own;
  }
}

/** Position of the first counted loss that is NaN or infinite, or -1. */
export function nonFiniteAt({ labels }: TokenRow, losses: TokenLosses): number {
  return losses.findIndex((loss, position) => labels[position + 1] !== IGNORED_LABEL && !Number.isFinite(loss));
}

function requireFinite(row: TokenRow, losses: TokenLosses): void {
  const position = nonFiniteAt(row, losses);
  if (position < 0) return;
  throw new BadInputError(
    'NON_FINITE_LOSS',
    `the loss of row ${row.row} at token ${position + 1} is ${losses[position]}`,
    { details: { row: row.row, token: position + 1 } },
  );
}
