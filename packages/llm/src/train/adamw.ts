import { elements } from '../onnx/tensor.ts';
import { AdamWKernel } from './adamw-kernel.ts';

/** A trained tensor with its optimiser state: first (`m`) and second (`v`) moment of the gradient. */
export interface TrainedTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

export interface AdamWOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled decay of matrices; vectors (norms) are left alone. */
  readonly weightDecay: number;
  /** Largest global norm of the gradients; undefined: no clipping. */
  readonly maxGradNorm: number | undefined;
}

/** The optimiser of one run. */
export class AdamW {
  readonly #kernel: AdamWKernel;

  /** @param trained the tensors whose arrays `array` is going to make; others work as well, a little slower */
  constructor(trained: readonly { readonly dims: readonly number[] }[] = []) {
    // Values, two moments and the gradient of each.
    const room = trained.reduce((sum, { dims }) => sum + 4 * elements(dims), 0);
    this.#kernel = new AdamWKernel(room, 4 * trained.length);
  }

  /** An array of zeros for values, moments or a gradient, where the optimiser need not copy it. */
  array(length: number): Float32Array {
    return this.#kernel.array(length);
  }

  /**
   * One step of AdamW (Loshchilov & Hutter, 2019) with global norm clipping as `torch.nn.utils.clip_grad_norm_` has it.
   * @param step number of this step, the first is 1
   * @returns the gradients' norm before clipping
   */
  step(
    tensors: readonly TrainedTensor[],
    gradients: readonly Float32Array[],
    step: number,
    options: AdamWOptions,
  ): number {
    const { learningRate, beta1, beta2, maxGradNorm } = options;
    const norm = Math.sqrt(gradients.reduce((sum, gradient) => sum + this.#kernel.squares(gradient), 0));
    const clip = maxGradNorm === undefined ? 1 : Math.min(1, maxGradNorm / (norm + 1e-6));
    // rate·m / (√v + ε') is learningRate · (m / c₁) / (√(v / c₂) + ε) with the corrections c taken out of the loop.
    const root2 = Math.sqrt(1 - beta2 ** step);
    const rate = (learningRate * root2) / (1 - beta1 ** step);
    const epsilon = options.epsilon * root2;
    for (const [index, { values, m, v, dims }] of tensors.entries()) {
      const keep = 1 - (dims.length > 1 ? learningRate * options.weightDecay : 0);
      const arrays = { values, m, v, gradient: gradients[index]! };
      this.#kernel.step(arrays, { clip, keep, beta1, beta2, rate, epsilon });
    }
    return norm;
  }
}
