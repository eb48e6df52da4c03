import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CurvePoint, TokenRow } from '@tuning/protocol';
import { type ModelConfig, readModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import type { WeightDtype } from '../safetensors/dtype.ts';
import { openModelWeights } from '../safetensors/model-store.ts';
import { readWeights } from '../weights/model-weights.ts';
import { AdamW } from './adamw.ts';
import { readCheckpoint, runDigest, writeCheckpoint } from './checkpoint.ts';
import type { TrainingHyperparameters } from './hyperparameters.ts';
import { freshAdapter, trainedTensor } from './initial-weights.ts';
import { writeModel } from './model-output.ts';
import { NO_PROGRESS, runTraining } from './training-loop.ts';
import { trainedSpecs } from './weight-specs.ts';

export interface TrainModelArgs {
  /** Folder with config.json, the weights and the tokenizer files of the base. */
  readonly baseDir: string;
  /** Named in the adapter's config; a full model does not need it. */
  readonly base: { readonly repo: string; readonly revision: string } | undefined;
  readonly rows: readonly TokenRow[];
  readonly recipe: TrainingHyperparameters;
  /** `model/` and `checkpoint/` are written below it. */
  readonly outDir: string;
  /** Go on from `checkpoint/` if there is one. Default false. */
  readonly resume?: boolean;
  /** Any integer ≥ 0; the same seed gives the same bits. */
  readonly seed: number;
  /** Intra-op threads, default 1. The result is the same for any number. */
  readonly threads?: number;
  readonly onStep: (point: CurvePoint, totalSteps: number) => void;
  /** Asked after every step; true: write a checkpoint and return. */
  readonly shouldStop?: () => boolean;
  /** Asked after every step; true: write the model as it is, before all planned steps are done. */
  readonly shouldFinish?: () => boolean;
}

export interface TrainModelResult {
  /** Optimiser steps done, those before a resume included. */
  readonly steps: number;
  readonly finalLoss: number;
  /** True when `shouldStop` ended it: there is a checkpoint and no model. */
  readonly stopped: boolean;
}

/**
 * Trains a model of any of the families on the CPU and writes `model/`: a PEFT adapter, or a full model in the base's
 * formats. The checkpoint is removed once the model is complete.
 * Blocks the event loop during each step: for processes of sealed jobs.
 * @throws BadInputError of the base's readers, `TRAINING_ROWS_EMPTY`, `TRAINING_ROW_INVALID`, `TRAINING_DIVERGED`,
 * `TRAINING_UNSUPPORTED`, `CHECKPOINT_MISMATCH`.
 */
export async function trainModel(args: TrainModelArgs): Promise<TrainModelResult> {
  const { recipe, rows, seed } = args;
  const config = await readModelConfig(args.baseDir);
  const { weights, dtypes } = await readBase(config, args.baseDir);
  const specs = trainedSpecs(config, recipe.lora);
  const optimiser = new AdamW(specs);
  const array = (length: number) => optimiser.array(length);
  const trained =
    recipe.lora === undefined
      ? specs.map((spec) => trainedTensor(spec, take(weights, spec.name), array))
      : freshAdapter(config, recipe.lora, seed, array);
  const shapes = modelTensors(config);
  const frozen = new Map([...weights].map(([name, values]) => [name, { dims: shapes.get(name)!, values }]));

  const checkpointDir = join(args.outDir, 'checkpoint');
  const run = runDigest({ recipe, base: args.base, seed, rows });
  const from = args.resume ? await readCheckpoint(checkpointDir, run, trained) : undefined;
  const { step, loss, stopped } = await runTraining({
    config,
    frozen,
    trained,
    optimiser,
    rows,
    recipe,
    seed,
    threads: args.threads ?? 1,
    from: from ?? NO_PROGRESS,
    onStep: args.onStep,
    shouldStop: args.shouldStop ?? (() => false),
    shouldFinish: args.shouldFinish ?? (() => false),
    onCheckpoint: (progress) => writeCheckpoint(checkpointDir, run, progress, trained),
  });
  if (!stopped) {
    const { baseDir, base } = args;
    const dir = join(args.outDir, 'model');
    await writeModel({ baseDir, base, lora: recipe.lora, trained, dtypes, dir });
    // Three times the trained weights, and of no more use.
    await rm(checkpointDir, { recursive: true, force: true });
  }
  return { steps: step, finalLoss: loss, stopped };
}

/** Takes a tensor out, so that only its copy is kept. */
function take(weights: Map<string, Float32Array>, name: string): Float32Array {
  const values = weights.get(name)!;
  weights.delete(name);
  return values;
}

async function readBase(config: ModelConfig, dir: string) {
  const store = await openModelWeights(config, dir);
  try {
    const dtypes = new Map<string, WeightDtype>();
    for (const { name, dtype } of store.entries.values()) dtypes.set(name, dtype);
    return { weights: await readWeights(config, store), dtypes };
  } finally {
    await store.close();
  }
}
