/** Modules of a Llama layer that a LoRA adapter may sit on, in graph order. */
export const LORA_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

/** A low-rank adapter as PEFT defines it: y += (alpha / rank) · B·A·dropout(x). */
export interface LoraSettings {
  readonly rank: number;
  readonly alpha: number;
  /** Probability that an element of the adapter's input is zeroed in training, 0 ≤ p < 1. */
  readonly dropout: number;
  readonly targets: readonly LoraTarget[];
}

/** After the warm-up: as it is, or down to 0 in a straight line or half a cosine, as in Hugging Face's trainer. */
export const learningRateSchedules = ['constant', 'linear', 'cosine'] as const;
export type LearningRateSchedule = (typeof learningRateSchedules)[number];

/** Everything that decides what a training run computes, next to the base, the rows and the seed. */
export interface TrainingHyperparameters {
  /** Undefined: every weight of the model is trained. */
  readonly lora: LoraSettings | undefined;
  /** Rows (or packed sequences) per forward and backward pass. */
  readonly microBatchSize: number;
  /** Passes whose gradients make one optimiser step. */
  readonly gradientAccumulationSteps: number;
  /** May be a fraction. */
  readonly epochs: number;
  /** Upper bound of optimiser steps; undefined: as the epochs imply. */
  readonly maxSteps: number | undefined;
  /** Longest sequence in tokens. Rows are at most this long. */
  readonly sequenceLen: number;
  /** Short rows share a sequence, none sees another. */
  readonly packing: boolean;
  readonly learningRate: number;
  readonly schedule: LearningRateSchedule;
  /** Steps over which the learning rate rises from 0, as a number or as a share of all steps (rounded up). */
  readonly warmup: { readonly steps: number } | { readonly ratio: number };
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Largest global gradient norm; undefined: no clipping. */
  readonly maxGradNorm: number | undefined;
  /** A checkpoint is written every so many steps; undefined: only when stopped. */
  readonly saveSteps: number | undefined;
}
