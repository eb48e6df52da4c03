import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { LLAMA_TRAITS } from '../../src/config/traits.ts';
import type { LoraSettings, TrainingHyperparameters } from '../../src/train/index.ts';
import { freshAdapter, freshModel } from '../../src/train/initial-weights.ts';
import { SeededRandom } from '../../src/train/random.ts';

/** A model small enough for finite differences, in shapes that share no size by chance. */
export const smallConfig: ModelConfig = {
  vocabularySize: 97,
  hiddenSize: 24,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 6,
  intermediateSize: 40,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  ropeScaling: undefined,
  tied: true,
  maxPositions: 64,
  bosId: undefined,
  eosId: 0,
  traits: LLAMA_TRAITS,
};

export const smallLora: LoraSettings = {
  rank: 4,
  alpha: 8,
  dropout: 0,
  targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
};

export function hyperparameters(changes: Partial<TrainingHyperparameters> = {}): TrainingHyperparameters {
  return {
    lora: undefined,
    microBatchSize: 4,
    gradientAccumulationSteps: 1,
    epochs: 2,
    maxSteps: undefined,
    sequenceLen: 32,
    packing: false,
    learningRate: 1e-3,
    schedule: 'cosine',
    warmup: { steps: 2 },
    weightDecay: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    maxGradNorm: 1,
    saveSteps: undefined,
    ...changes,
  };
}

/** Weights larger than a fresh model's, norms off 1 and adapters off 0, so that every gradient is far from zero. */
export function weightsForGradients(config: ModelConfig, lora: LoraSettings | undefined) {
  const random = new SeededRandom(7);
  const model = freshModel(config, 1);
  for (const { values, dims } of model) {
    for (let i = 0; i < values.length; i++) {
      values[i] = dims.length === 1 ? values[i]! * (0.8 + 0.4 * random.uniform()) : values[i]! * 6;
    }
  }
  const adapter = lora === undefined ? [] : freshAdapter(config, lora, 2);
  for (const { name, values } of adapter) {
    if (name.includes('lora_B')) for (let i = 0; i < values.length; i++) values[i] = 0.2 * random.normal();
  }
  return { model, adapter };
}

/** Rows from ten ids only, so that embedding rows repeat; the first few labels of each row are masked. */
export function randomRows(count: number, longest: number, vocabulary: number, seed = 3): TokenRow[] {
  const random = new SeededRandom(seed);
  const alphabet = Array.from({ length: 10 }, () => random.below(vocabulary));
  return Array.from({ length: count }, (_, row) => {
    const length = 4 + random.below(longest - 3);
    const ids = Int32Array.from({ length }, () => alphabet[random.below(alphabet.length)]!);
    const labels = ids.map((id, i) => (i < 2 ? IGNORED_LABEL : id));
    return { row, ids, labels };
  });
}
