import { headLoss } from '../autodiff/cross-entropy.ts';
import { linear, linearOnto, multiplyBy } from '../autodiff/linear-operations.ts';
import { Tape, type Var } from '../autodiff/tape.ts';
import { TapedOperations } from '../autodiff/taped-operations.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName, modelTensors } from '../config/tensors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { decode } from '../graph/decoder.ts';
import type { LoraSettings } from './hyperparameters.ts';
import { loraSpecs, loraWeights, unsupportedTraining, type WeightSpec } from './weight-specs.ts';

/** Names of the inputs that change with every pass; the weights are inputs under their own names. */
export const BATCH_INPUTS = {
  /** int64 [N] */
  ids: 'input_ids',
  /** int64 [N, 1], already shifted; negative = ignored */
  labels: 'labels',
  /** float32 [1 or B, 1, 1, T, T]: 0 where a token may look, −1e9 where not */
  mask: 'attention_mask',
  /** float32 scalar, see `headLoss` */
  scale: 'loss_scale',
} as const;

export interface TrainingGraph {
  readonly model: Uint8Array;
  readonly nodeCount: number;
  readonly loss: string;
  /** Output that holds the gradient of each trained weight, in the order of `trainedSpecs`; undefined: `rowGradients` only. */
  readonly gradients: readonly (string | undefined)[];
  /** Outputs [N, width] whose row i is yet to be added to row ids[i] of the gradient with this index. */
  readonly rowGradients: readonly { readonly index: number; readonly output: string; readonly width: number }[];
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

/**
 * Forward, loss and gradients of a model in plain ONNX operators, for one batch size and length.
 * @throws BadInputError `TRAINING_UNSUPPORTED` for an adapter target that the family does not have, and for packing with
 * learned positions.
 */
export function buildTrainingGraph(options: TrainingGraphOptions): TrainingGraph {
  return new DecoderTrainingGraph(options).build();
}

class DecoderTrainingGraph {
  readonly #options: TrainingGraphOptions;
  readonly #tape = new Tape(new GraphBuilder('train'));
  readonly #weights = new Map<string, Var>();
  readonly #trained: Var[] = [];
  readonly #dropouts: { name: string; dims: readonly [number, number] }[] = [];
  readonly #tokens: number;
  readonly #adapted: ReadonlySet<string>;

  constructor(options: TrainingGraphOptions) {
    this.#options = options;
    this.#tokens = options.batch * options.length;
    this.#adapted = new Set(options.lora && loraWeights(options.config, options.lora));
  }

  build(): TrainingGraph {
    const { config, batch, length, lora, maskPerSequence } = this.#options;
    if (maskPerSequence && config.traits.rotaryDim === 0) {
      throw unsupportedTraining('packing', 'needs rotary positions: a packed row does not start at position 0');
    }
    const { graph } = this.#tape;
    for (const [name, dims] of modelTensors(config)) this.#declare({ name, dims }, lora === undefined);
    const ids = graph.input(BATCH_INPUTS.ids, 'int64', [this.#tokens]);
    const labels = graph.input(BATCH_INPUTS.labels, 'int64', [this.#tokens, 1]);
    const mask = graph.input(BATCH_INPUTS.mask, 'float32', [maskPerSequence ? batch : 1, 1, 1, length, length]);
    const scale = graph.input(BATCH_INPUTS.scale, 'float32', []);

    const operations = new TapedOperations(
      this.#tape,
      config,
      { batch, tokens: length },
      {
        ids,
        mask,
        weight: (name) => this.#weights.get(name),
        adapt: (x, weight, y) => this.#adapt(x, weight, y),
      },
    );
    const hidden = decode(operations, config);
    const head = this.#weights.get(config.tied ? embeddingName(config) : headName(config))!;
    const loss = headLoss(this.#tape, hidden, head, { labels, scale, cap: config.traits.logitCap });
    const gradients = this.#tape.backward(loss, this.#trained);
    graph.output(loss.name, 'float32', []);
    this.#trained.forEach((weight, i) => {
      if (gradients[i] !== undefined) graph.output(gradients[i], 'float32', weight.dims);
    });
    const rowGradients = this.#tape.rowGradients.map(({ weight, rows }) => {
      const width = weight.dims[1]!;
      graph.output(rows, 'float32', [this.#tokens, width]);
      return { index: this.#trained.indexOf(weight), output: rows, width };
    });
    const { nodeCount } = graph;
    return { model: graph.encode(), nodeCount, loss: loss.name, gradients, rowGradients, dropouts: this.#dropouts };
  }

  #declare({ name, dims }: WeightSpec, trained: boolean): Var {
    const weight = this.#tape.weight(name, dims, trained);
    this.#weights.set(name, weight);
    if (trained) this.#trained.push(weight);
    return weight;
  }

  /** The adapter beside a linear layer that is one of its targets. */
  #adapt(x: Var, weight: Var, y: Var): Var {
    const tape = this.#tape;
    const { lora } = this.#options;
    if (!lora || !this.#adapted.has(weight.name)) return y;
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
    return linearOnto(tape, y, linear(tape, seen, a), b, lora.alpha / lora.rank);
  }
}
