import { join } from 'node:path';
import {
  loadTokenizer,
  loadWeights,
  type ModelConfig,
  type ModelWeights,
  type TrainingHyperparameters,
  trainModel,
} from '@tuning/llm';
import type { TokenRow } from '@tuning/protocol';

export const RECIPE: TrainingHyperparameters = {
  lora: undefined,
  microBatchSize: 8,
  gradientAccumulationSteps: 1,
  epochs: 100,
  maxSteps: 60,
  sequenceLen: 48,
  packing: false,
  learningRate: 3e-3,
  schedule: 'cosine',
  warmup: { steps: 5 },
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  maxGradNorm: 1,
  saveSteps: undefined,
};

/** Token rows of plain texts, every token counted. */
export async function textRows(dir: string, texts: readonly string[]): Promise<TokenRow[]> {
  const tokenizer = await loadTokenizer(dir);
  return texts.map((text, row) => {
    const ids = Int32Array.from([...tokenizer.encode(text).slice(0, 46), tokenizer.eosId]);
    return { row, ids, labels: ids };
  });
}

/** Trains on top of `baseDir` and returns the folder and the effective weights. */
export async function train(
  config: ModelConfig,
  args: { baseDir: string; rows: TokenRow[]; outDir: string; recipe?: Partial<TrainingHyperparameters>; seed?: number },
): Promise<{ dir: string; weights: ModelWeights; loss: number }> {
  const recipe = { ...RECIPE, ...args.recipe };
  const { finalLoss } = await trainModel({
    baseDir: args.baseDir,
    base: { repo: 'me/base', revision: 'a'.repeat(40) },
    rows: args.rows,
    recipe,
    outDir: args.outDir,
    seed: args.seed ?? 1,
    onStep: () => {},
  });
  const dir = join(args.outDir, 'model');
  const source = recipe.lora
    ? ({ kind: 'adapter', baseDir: args.baseDir, dir } as const)
    : ({ kind: 'full', dir } as const);
  return { dir, weights: await loadWeights(config, source), loss: finalLoss };
}
