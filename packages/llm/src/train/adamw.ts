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

/**
 * One step of AdamW (Loshchilov & Hutter, 2019) with global norm clipping as `torch.nn.utils.clip_grad_norm_` has it.
 * @param step number of this step, the first is 1
 * @returns the gradients' norm before clipping
 */
export function adamWStep(
  tensors: readonly TrainedTensor[],
  gradients: readonly Float32Array[],
  step: number,
  options: AdamWOptions,
): number {
  const { learningRate, beta1, beta2, epsilon, maxGradNorm } = options;
  const norm = globalNorm(gradients);
  const clip = maxGradNorm === undefined ? 1 : Math.min(1, maxGradNorm / (norm + 1e-6));
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - beta2 ** step;
  for (const [index, { values, m, v, dims }] of tensors.entries()) {
    const gradient = gradients[index]!;
    const keep = 1 - (dims.length > 1 ? learningRate * options.weightDecay : 0);
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i]! * clip;
      const first = beta1 * m[i]! + (1 - beta1) * g;
      const second = beta2 * v[i]! + (1 - beta2) * g * g;
      m[i] = first;
      v[i] = second;
      const update = first / correction1 / (Math.sqrt(second / correction2) + epsilon);
      values[i] = values[i]! * keep - learningRate * update;
    }
  }
  return norm;
}

function globalNorm(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  return Math.sqrt(sum);
}
