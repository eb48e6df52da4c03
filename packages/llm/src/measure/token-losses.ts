import { BadInputError, isTuningError } from '@tuning/kit';
import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import { loadRuntime } from '../runtime.ts';
import type { ModelWeights } from '../weights/model-weights.ts';
import { type Batch, fillBatch, planBatches } from './batches.ts';

/** Losses of one row: `nll[i]` is the loss of predicting `ids[i + 1]`, 0 where its label is ignored. */
export type TokenLosses = Float32Array;

/** A model of several that are measured in one go. */
export interface MeasuredModel {
  /** Fed to each run; undefined where they are part of the graph that `compile` makes. */
  readonly weights: ModelWeights | undefined;
  /** Gets each row's losses by its index in the rows, in an order of the buckets' own. */
  take(index: number, losses: TokenLosses): void;
  /** After each batch of this model. */
  readonly onProgress?: ((progress: { doneRows: number; totalRows: number }) => void) | undefined;
}

type WeightFeeds = Readonly<Record<string, Tensor>>;

/**
 * Measures the same rows with several models of one config. Each batch shape is compiled once for all of them, and there is
 * one session at a time, for each keeps an arena of its own.
 * @returns of each model the BadInputError that it was refused for (`TENSOR_MISSING`, or what its `take` threw), after which
 * it is not measured any further; undefined for one that was measured on all rows.
 * @throws BadInputError `ROW_INVALID`; the signal's reason; what is no BadInputError.
 */
export async function measureModels(
  config: ModelConfig,
  compile: (shape: Batch) => Promise<InferenceSession>,
  models: readonly MeasuredModel[],
  rows: readonly TokenRow[],
  signal?: AbortSignal,
): Promise<(Error | undefined)[]> {
  const states: ModelState[] = [];
  for (const model of models) {
    const state: ModelState = { model, feeds: {}, doneRows: 0 };
    await refusing(state, async () => {
      if (model.weights) state.feeds = await weightFeeds(config, model.weights);
    });
    states.push(state);
  }
  for (const batches of byShape(planBatches(rows, config).batches)) {
    signal?.throwIfAborted();
    if (states.every(({ refusal }) => refusal)) break;
    const session = await compile(batches[0]!);
    try {
      for (const state of states) {
        for (const batch of batches) {
          if (state.refusal) break;
          signal?.throwIfAborted();
          const nll = await runBatch(session, state.feeds, batch, rows);
          await refusing(state, async () => takeBatch(state, nll, batch, rows));
        }
      }
    } finally {
      await session.release();
    }
  }
  return states.map(({ refusal }) => refusal);
}

interface ModelState {
  readonly model: MeasuredModel;
  feeds: WeightFeeds;
  doneRows: number;
  refusal?: Error;
}

/** A BadInputError of `work` is the model's own. */
async function refusing(state: ModelState, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isTuningError(error) || error.name !== 'BadInputError') throw error;
    state.refusal = error;
  }
}

/** Batches one after the other that one session can run. */
function byShape(batches: readonly Batch[]): Batch[][] {
  const groups: Batch[][] = [];
  for (const batch of batches) {
    const [first] = groups.at(-1) ?? [];
    if (first && first.tokens === batch.tokens && first.rowTokens === batch.rowTokens) groups.at(-1)!.push(batch);
    else groups.push([batch]);
  }
  return groups;
}

/** @returns losses of the batch, [batch, tokens] row-major. */
async function runBatch(
  session: InferenceSession,
  weights: WeightFeeds,
  batch: Batch,
  rows: readonly TokenRow[],
): Promise<Float32Array> {
  const ort = await loadRuntime();
  const { ids, labels } = fillBatch(batch, rows);
  const dims = [batch.batch, batch.tokens];
  const feeds = {
    ...weights,
    input_ids: new ort.Tensor('int64', ids, dims),
    labels: new ort.Tensor('int64', labels, dims),
  };
  return (await session.run(feeds))['nll']!.data as Float32Array;
}

function takeBatch(state: ModelState, nll: Float32Array, batch: Batch, rows: readonly TokenRow[]): void {
  const { model } = state;
  for (const [slot, member] of batch.members.entries()) {
    const start = slot * batch.tokens;
    model.take(member, nll.slice(start, start + rows[member]!.ids.length - 1));
  }
  state.doneRows += batch.members.length;
  model.onProgress?.({ doneRows: state.doneRows, totalRows: rows.length });
}

/** @throws BadInputError `TENSOR_MISSING`. */
async function weightFeeds(config: ModelConfig, weights: ModelWeights): Promise<WeightFeeds> {
  const ort = await loadRuntime();
  const feeds: Record<string, Tensor> = {};
  for (const [name, shape] of modelTensors(config)) {
    const data = weights.get(name);
    if (!data) throw new BadInputError('TENSOR_MISSING', `the weights lack ${name}`, { details: { tensor: name } });
    feeds[name] = new ort.Tensor('float32', data, shape);
  }
  return feeds;
}

/** Position of the first counted loss that is NaN or infinite, or -1. */
export function nonFiniteAt({ labels }: TokenRow, losses: TokenLosses): number {
  return losses.findIndex((loss, position) => labels[position + 1] !== IGNORED_LABEL && !Number.isFinite(loss));
}

/** @throws BadInputError `NON_FINITE_LOSS` naming row and token. */
export function requireFinite(row: TokenRow, losses: TokenLosses): void {
  const position = nonFiniteAt(row, losses);
  if (position < 0) return;
  throw new BadInputError(
    'NON_FINITE_LOSS',
    `the loss of row ${row.row} at token ${position + 1} is ${losses[position]}`,
    { details: { row: row.row, token: position + 1 } },
  );
}
