import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../config/model-config.ts';
import { elements } from '../onnx/tensor.ts';
import { createSession, loadRuntime } from '../runtime.ts';
import type { BatchArrays } from './batches.ts';
import type { LoraSettings } from './hyperparameters.ts';
import type { SeededRandom } from './random.ts';
import { BATCH_INPUTS, buildTrainingGraph, type TrainingGraph } from './training-graph.ts';
import { trainedSpecs } from './weight-specs.ts';

interface Compiled {
  readonly graph: TrainingGraph;
  readonly session: InferenceSession;
}

export interface GradientEngineOptions {
  readonly config: ModelConfig;
  /** Every input weight by name, the adapter's included. Read in place at each pass, so the optimiser may update them. */
  readonly weights: ReadonlyMap<string, { readonly dims: readonly number[]; readonly values: Float32Array }>;
  readonly lora: LoraSettings | undefined;
  readonly packing: boolean;
  readonly threads: number;
  /** Makes the arrays of the gradients; default: plain ones. */
  readonly array?: (length: number) => Float32Array;
}

/** Computes loss and gradients with onnxruntime; one compiled graph per batch shape. */
export class GradientEngine {
  /** Gradient of each trained weight after the last pass, in the order of `trainedSpecs`. */
  readonly gradients: readonly Float32Array[];
  readonly #options: GradientEngineOptions;
  readonly #compiled = new Map<string, Promise<Compiled>>();

  constructor(options: GradientEngineOptions) {
    this.#options = options;
    const { config, lora, array = (length) => new Float32Array(length) } = options;
    this.gradients = trainedSpecs(config, lora).map(({ dims }) => array(elements(dims)));
  }

  /**
   * One forward and backward pass. BLOCKS the event loop.
   * @param scale factor of the summed loss, see `headLoss`
   * @param dropout stream of the dropout masks; only read when the adapter has dropout
   * @returns the scaled loss
   */
  async pass(arrays: BatchArrays, scale: number, dropout: SeededRandom): Promise<number> {
    const { Tensor } = await loadRuntime();
    const { graph, session } = await this.#session(arrays.batch, arrays.length);
    const tokens = arrays.batch * arrays.length;
    const { length } = arrays;
    const feeds: Record<string, Tensor> = {
      [BATCH_INPUTS.ids]: new Tensor('int64', arrays.ids, [tokens]),
      [BATCH_INPUTS.labels]: new Tensor('int64', arrays.labels, [tokens, 1]),
      [BATCH_INPUTS.mask]: new Tensor('float32', arrays.mask, [
        this.#options.packing ? arrays.batch : 1,
        1,
        1,
        length,
        length,
      ]),
      [BATCH_INPUTS.scale]: new Tensor('float32', Float32Array.of(scale), []),
    };
    for (const [name, { dims, values }] of this.#options.weights) feeds[name] = new Tensor('float32', values, dims);
    for (const { name, dims } of graph.dropouts) {
      feeds[name] = new Tensor('float32', dropoutMask(dims, this.#options.lora?.dropout ?? 0, dropout), dims);
    }
    const loss = new Float32Array(1);
    const fetches: Record<string, Tensor> = { [graph.loss]: new Tensor('float32', loss, []) };
    const specs = trainedSpecs(this.#options.config, this.#options.lora);
    for (const [i, output] of graph.gradients.entries()) {
      if (output === undefined) this.gradients[i]!.fill(0);
      else fetches[output] = new Tensor('float32', this.gradients[i]!, specs[i]!.dims);
    }
    const rowGradients = graph.rowGradients.map((one) => ({ ...one, rows: new Float32Array(tokens * one.width) }));
    for (const { output, width, rows } of rowGradients) fetches[output] = new Tensor('float32', rows, [tokens, width]);
    // Outputs are written into the arrays given here.
    await session.run(feeds, fetches);
    for (const { index, width, rows } of rowGradients) addRows(this.gradients[index]!, arrays.ids, rows, width);
    return loss[0]!;
  }

  async close(): Promise<void> {
    for (const compiled of this.#compiled.values()) await (await compiled).session.release();
    this.#compiled.clear();
  }

  #session(batch: number, length: number): Promise<Compiled> {
    const key = `${batch}x${length}`;
    let compiled = this.#compiled.get(key);
    if (compiled === undefined) {
      compiled = this.#compile(batch, length);
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }

  async #compile(batch: number, length: number): Promise<Compiled> {
    const { config, lora, packing, threads } = this.#options;
    const graph = buildTrainingGraph({ config, batch, length, lora, maskPerSequence: packing });
    // Optimising a training graph takes seconds to minutes and makes no step faster.
    const options = { threads, optimisation: 'disabled', flushDenormals: true } as const;
    return { graph, session: await createSession(graph.model, options) };
  }
}

/** Adds row i of `rows` to row ids[i] of `sum`. */
function addRows(sum: Float32Array, ids: BigInt64Array, rows: Float32Array, width: number): void {
  for (let i = 0; i < ids.length; i++) {
    const to = Number(ids[i]) * width;
    const from = i * width;
    for (let column = 0; column < width; column++) sum[to + column] = sum[to + column]! + rows[from + column]!;
  }
}

function dropoutMask(dims: readonly [number, number], probability: number, random: SeededRandom): Float32Array {
  const mask = new Float32Array(dims[0] * dims[1]);
  const kept = 1 / (1 - probability);
  const threshold = probability * 2 ** 32;
  for (let i = 0; i < mask.length; i++) mask[i] = random.word() < threshold ? 0 : kept;
  return mask;
}
