import type { ModelConfig } from '../config/model-config.ts';
import { EMBEDDING, FINAL_NORM, HEAD, layerTensors, modelTensors } from '../config/tensors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { ropeTables } from '../graph/rope.ts';
import { floats } from '../onnx/tensor.ts';
import type { LoraSettings, LoraTarget } from './hyperparameters.ts';
import { crossEntropy, embedding, maskedSoftmax, rmsNorm, rotary, swiGlu } from './layer-operations.ts';

import { add, batchedMatMul, linear, multiplyBy, reshape, transpose } from './linear-operations.ts';
import { Tape, type Var } from './tape.ts';
import { loraSpecs, targetWeight, type WeightSpec } from './weight-specs.ts';

/** Names of the inputs that change with every pass; the weights are inputs under their own names. */
export const BATCH_INPUTS = {
  /** int64 [N] */
  ids: 'input_ids',
  /** int64 [N, 1], already shifted; negative = ignored */
  labels: 'labels',
  /** float32 [1 or B, 1, 1, T, T]: 0 where a token may look, −1e9 where not */
  mask: 'attention_mask',
  /** float32 scalar, see `crossEntropy` */
  scale: 'loss_scale',
} as const;

export interface TrainingGraph {
  readonly model: Uint8Array;
  readonly nodeCount: number;
  readonly loss: string;
  /** Output that holds the gradient of each trained weight, in the order of `trainedSpecs`. */
  readonly gradients: readonly string[];
  /** Inputs for dropout masks (0 and 1 / (1 − p)) and their dims, in graph order; none without dropout. */
  readonly dropouts: readonly { readonly name: string; readonly dims: readonly [number, number] }[];
}

export interface TrainingGraphOptions {
  readonly config: ModelConfig;
  readonly batch: number;
  readonly length: number;
  readonly lora: LoraSettings | undefined;
  /** True: a mask per sequence (packing). */
  readonly maskPerSequence: boolean;
}

/** Forward, loss and gradients of a Llama-family model in plain ONNX operators, for one batch size and length. */
export function buildTrainingGraph(options: TrainingGraphOptions): TrainingGraph {
  return new LlamaTrainingGraph(options).build();
}

class LlamaTrainingGraph {
  readonly #options: TrainingGraphOptions;
  readonly #tape = new Tape(new GraphBuilder('train'));
  readonly #weights = new Map<string, Var>();
  readonly #trained: Var[] = [];
  readonly #dropouts: { name: string; dims: readonly [number, number] }[] = [];
  readonly #tokens: number;

  constructor(options: TrainingGraphOptions) {
    this.#options = options;
    this.#tokens = options.batch * options.length;
  }

  build(): TrainingGraph {
    const { config, batch, length, lora, maskPerSequence } = this.#options;
    const { graph } = this.#tape;
    for (const [name, dims] of modelTensors(config)) this.#declare({ name, dims }, lora === undefined);
    const ids = graph.input(BATCH_INPUTS.ids, 'int64', [this.#tokens]);
    const labels = graph.input(BATCH_INPUTS.labels, 'int64', [this.#tokens, 1]);
    const mask = graph.input(BATCH_INPUTS.mask, 'float32', [maskPerSequence ? batch : 1, 1, 1, length, length]);
    const scale = graph.input(BATCH_INPUTS.scale, 'float32', []);
    const half = config.headDim / 2;
    const tables = ropeTables(config, length);
    const cos = graph.constant(floats([1, length, 1, half], tables.cos));
    const sin = graph.constant(floats([1, length, 1, half], tables.sin));

    let x = embedding(this.#tape, this.#weight(EMBEDDING), ids, this.#tokens);
    for (let layer = 0; layer < config.layers; layer++) {
      const names = layerTensors(layer);
      x = add(this.#tape, x, this.#attention(layer, this.#norm(x, names.inputNorm), { cos, sin, mask }));
      x = add(this.#tape, x, this.#mlp(layer, this.#norm(x, names.postNorm)));
    }
    const logits = linear(this.#tape, this.#norm(x, FINAL_NORM), this.#weight(config.tied ? EMBEDDING : HEAD));
    const loss = crossEntropy(this.#tape, logits, labels, scale);
    const gradients = this.#tape.backward(loss, this.#trained);
    graph.output(loss.name, 'float32', []);
    this.#trained.forEach((weight, i) => {
      graph.output(gradients[i]!, 'float32', weight.dims);
    });
    return { model: graph.encode(), nodeCount: graph.nodeCount, loss: loss.name, gradients, dropouts: this.#dropouts };
  }

  #declare({ name, dims }: WeightSpec, trained: boolean): Var {
    const weight = this.#tape.weight(name, dims, trained);
    this.#weights.set(name, weight);
    if (trained) this.#trained.push(weight);
    return weight;
  }

  #weight(name: string): Var {
    return this.#weights.get(name)!;
  }

  #norm(x: Var, weight: string): Var {
    return rmsNorm(this.#tape, x, this.#weight(weight), this.#options.config.normEpsilon);
  }

  /** A linear layer, and the adapter beside it when it is a target. */
  #project(x: Var, layer: number, target: LoraTarget): Var {
    const tape = this.#tape;
    const weight = this.#weight(targetWeight(layer, target));
    const y = linear(tape, x, weight);
    const { lora } = this.#options;
    if (!lora?.targets.includes(target)) return y;
    const [a, b] = loraSpecs(weight.name, weight.dims, lora.rank).map((spec) => this.#declare(spec, true)) as [
      Var,
      Var,
    ];
    let seen = x;
    if (lora.dropout > 0) {
      const dims = [this.#tokens, weight.dims[1]!] as const;
      const name = tape.graph.input(`dropout/${weight.name}`, 'float32', dims);
      this.#dropouts.push({ name, dims });
      seen = multiplyBy(tape, x, name);
    }
    const delta = multiplyBy(tape, linear(tape, linear(tape, seen, a), b), tape.graph.scalar(lora.alpha / lora.rank));
    return add(tape, y, delta);
  }

  #attention(layer: number, x: Var, tables: { cos: string; sin: string; mask: string }): Var {
    const tape = this.#tape;
    const { batch: B, length: T } = this.#options;
    const { heads, kvHeads: KV, headDim: d } = this.#options.config;
    const G = heads / KV;
    const project = (target: LoraTarget): Var => this.#project(x, layer, target);
    // Query heads that share a key head stand below each other as rows, so keys and values need no repeating.
    const q = rotary(tape, reshape(tape, project('q_proj'), [B, T, heads, d]), tables.cos, tables.sin);
    const groups = transpose(tape, reshape(tape, q, [B, T, KV, G, d]), [0, 2, 3, 1, 4]);
    const k = rotary(tape, reshape(tape, project('k_proj'), [B, T, KV, d]), tables.cos, tables.sin);
    const v = reshape(tape, project('v_proj'), [B, T, KV, d]);
    const rows = reshape(tape, groups, [B, KV, G * T, d]);
    const scores = batchedMatMul(tape, rows, transpose(tape, k, [0, 2, 1, 3]), {
      alpha: 1 / Math.sqrt(d),
      transB: true,
    });
    const weights = maskedSoftmax(tape, reshape(tape, scores, [B, KV, G, T, T]), tables.mask);
    const mixed = batchedMatMul(tape, reshape(tape, weights, [B, KV, G * T, T]), transpose(tape, v, [0, 2, 1, 3]), {
      alpha: 1,
      transB: false,
    });
    const joined = transpose(tape, reshape(tape, mixed, [B, KV, G, T, d]), [0, 3, 1, 2, 4]);
    return this.#project(reshape(tape, joined, [this.#tokens, heads * d]), layer, 'o_proj');
  }

  #mlp(layer: number, x: Var): Var {
    const gate = this.#project(x, layer, 'gate_proj');
    const up = this.#project(x, layer, 'up_proj');
    return this.#project(swiGlu(this.#tape, gate, up), layer, 'down_proj');
  }
}
