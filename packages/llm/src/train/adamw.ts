import { AdamWKernel, CHUNK } from './adamw-kernel.ts';

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
  const { learningRate, beta1, beta2, maxGradNorm } = options;
  kernel ??= new AdamWKernel();
  const norm = globalNorm(kernel, gradients);
  const clip = maxGradNorm === undefined ? 1 : Math.min(1, maxGradNorm / (norm + 1e-6));
  // rate·m / (√v + ε') is learningRate · (m / c₁) / (√(v / c₂) + ε) with the corrections c taken out of the loop.
  const root2 = Math.sqrt(1 - beta2 ** step);
  const rate = (learningRate * root2) / (1 - beta1 ** step);
  const epsilon = options.epsilon * root2;
  for (const [index, { values, m, v, dims }] of tensors.entries()) {
    const keep = 1 - (dims.length > 1 ? learningRate * options.weightDecay : 0);
    const gradient = gradients[index]!;
    for (let from = 0; from < values.length; from += CHUNK) {
      const to = Math.min(values.length, from + CHUNK);
      kernel.gradient.set(gradient.subarray(from, to));
      const own = [values, m, v].map((array) => array.subarray(from, to)) as [Float32Array, Float32Array, Float32Array];
      const chunk = [kernel.values, kernel.m, kernel.v] as const;
      for (const [i, array] of chunk.entries()) array.set(own[i]!);
      kernel.step(to - from, { clip, keep, beta1, beta2, rate, epsilon });
      for (const [i, array] of chunk.entries()) own[i]!.set(array.subarray(0, to - from));
    }
  }
  return norm;
}

let kernel: AdamWKernel | undefined;

function globalNorm(kernel: AdamWKernel, gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (let from = 0; from < gradient.length; from += CHUNK) {
      const part = gradient.subarray(from, from + CHUNK);
      kernel.gradient.set(part);
      sum += kernel.squares(part.length);
    }
  }
  return Math.sqrt(sum);
}
