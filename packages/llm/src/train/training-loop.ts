import { BadInputError } from '@tuning/kit';
import { type CurvePoint, IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import type { ModelConfig } from '../config/model-config.ts';
import { AdamW, type TrainedTensor } from './adamw.ts';
import { layOut, type MicroBatch, planEpoch } from './batches.ts';
import { GradientEngine } from './gradient-engine.ts';
import type { TrainingHyperparameters } from './hyperparameters.ts';
import { SeededRandom } from './random.ts';
import { learningRateAt } from './schedule.ts';

/** Random stream of the dropout masks; see `SeededRandom`. */
const DROPOUT_STREAM = 2;

/** How far a run has come. Together with the trained tensors it is all that a resume needs. */
export interface TrainingProgress {
  /** Optimiser steps done. */
  readonly step: number;
  /** Labels trained on so far. */
  readonly tokens: number;
  /** Loss of the last step; NaN before the first. */
  readonly loss: number;
}
export const NO_PROGRESS: TrainingProgress = { step: 0, tokens: 0, loss: Number.NaN };

export interface TrainingLoopArgs {
  readonly config: ModelConfig;
  /** Weights that stay as they are, by name (empty for a full fine-tune). */
  readonly frozen: ReadonlyMap<string, { readonly dims: readonly number[]; readonly values: Float32Array }>;
  /** Updated in place. In the order of `trainedSpecs`. */
  readonly trained: readonly TrainedTensor[];
  /** Whose arrays `trained` has; default: a new one. */
  readonly optimiser?: AdamW;
  readonly rows: readonly TokenRow[];
  readonly recipe: TrainingHyperparameters;
  readonly seed: number;
  readonly threads: number;
  readonly from: TrainingProgress;
  readonly onStep: (point: CurvePoint, totalSteps: number) => void;
  readonly shouldStop: () => boolean;
  /** Asked after every step; true: the run is complete as it is. */
  readonly shouldFinish: () => boolean;
  /** Called when a checkpoint is due: every `saveSteps`, and when stopped. */
  readonly onCheckpoint: (progress: TrainingProgress) => Promise<void>;
}

/** Optimiser steps of a whole run: what the epochs imply, but not more than `maxSteps`. */
export function countSteps(rows: readonly TokenRow[], recipe: TrainingHyperparameters, seed: number): number {
  let steps = 0;
  for (let epoch = 0; epoch < recipe.epochs; epoch++) {
    steps += Math.ceil(planEpoch(rows, recipe, seed, epoch).length * Math.min(1, recipe.epochs - epoch));
    if (recipe.maxSteps !== undefined && steps >= recipe.maxSteps) return recipe.maxSteps;
  }
  return steps;
}

/**
 * Runs the optimiser from `from` to the end or until `shouldStop`. Everything depends on the step number and the seed
 * alone, so a run that is stopped and resumed gives the same bits as one that is not.
 * @throws BadInputError `TRAINING_ROW_INVALID`, `TRAINING_DIVERGED`.
 */
export async function runTraining(args: TrainingLoopArgs): Promise<TrainingProgress & { stopped: boolean }> {
  const { config, recipe, rows, seed, trained } = args;
  checkRows(rows, config.vocabularySize, recipe.sequenceLen);
  const totalSteps = countSteps(rows, recipe, seed);
  const { warmup, learningRate: peak, schedule } = recipe;
  const warmupSteps = 'steps' in warmup ? warmup.steps : Math.ceil(totalSteps * warmup.ratio);
  const weights = new Map(args.frozen);
  for (const tensor of trained) weights.set(tensor.name, tensor);
  const { lora, packing } = recipe;
  const { threads, optimiser = new AdamW() } = args;
  const array = (length: number) => optimiser.array(length);
  const engine = new GradientEngine({ config, weights, lora, packing, threads, array });
  let progress = args.from;
  try {
    for (const { microBatches, epoch } of stepsFrom(args, totalSteps)) {
      const { loss, tokens, gradients } = await accumulate(engine, microBatches, args, progress.step);
      const step = progress.step + 1;
      if (!Number.isFinite(loss)) {
        throw new BadInputError(
          'TRAINING_DIVERGED',
          `the loss is no longer finite at step ${step}; lower learning_rate or set max_grad_norm`,
        );
      }
      const learningRate = learningRateAt(progress.step, totalSteps, { learningRate: peak, schedule, warmupSteps });
      optimiser.step(trained, gradients, step, { ...recipe, learningRate });
      progress = { step, tokens: progress.tokens + tokens, loss };
      args.onStep({ step, epoch, loss, lr: learningRate, tokens: progress.tokens, ts: Date.now() }, totalSteps);
      if (args.shouldFinish()) break;
      const stopped = step < totalSteps && args.shouldStop();
      const due = recipe.saveSteps !== undefined && step % recipe.saveSteps === 0 && step < totalSteps;
      if (stopped || due) await args.onCheckpoint(progress);
      if (stopped) return { ...progress, stopped };
    }
    return { ...progress, stopped: false };
  } finally {
    await engine.close();
  }
}

/** The steps that are left, with the share of epochs done after each. */
function* stepsFrom(
  { rows, recipe, seed, from }: TrainingLoopArgs,
  totalSteps: number,
): Generator<{ microBatches: readonly MicroBatch[]; epoch: number }> {
  let step = 0;
  for (let epoch = 0; step < totalSteps; epoch++) {
    const plan = planEpoch(rows, recipe, seed, epoch);
    for (const [index, microBatches] of plan.entries()) {
      if (step === totalSteps) return;
      step++;
      if (step > from.step) yield { microBatches, epoch: epoch + (index + 1) / plan.length };
    }
  }
}

async function accumulate(
  engine: GradientEngine,
  microBatches: readonly MicroBatch[],
  { recipe, seed }: TrainingLoopArgs,
  step: number,
): Promise<{ loss: number; tokens: number; gradients: readonly Float32Array[] }> {
  const passes = microBatches.map((microBatch) => layOut(microBatch, recipe));
  const tokens = passes.reduce((sum, { trained }) => sum + trained, 0);
  const scale = 1 / Math.max(1, tokens);
  let loss = 0;
  let sums: Float32Array[] | undefined;
  for (const [index, arrays] of passes.entries()) {
    loss += await engine.pass(arrays, scale, new SeededRandom(seed, DROPOUT_STREAM, step, index));
    if (passes.length === 1) return { loss, tokens, gradients: engine.gradients };
    if (sums === undefined) sums = engine.gradients.map((gradient) => gradient.slice());
    else for (const [i, sum] of sums.entries()) addInto(sum, engine.gradients[i]!);
  }
  return { loss, tokens, gradients: sums ?? [] };
}

function addInto(sum: Float32Array, addend: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + addend[i]!;
}

/** onnxruntime reads negative ids as counted from the end, so ids are checked here. */
function checkRows(rows: readonly TokenRow[], vocabularySize: number, sequenceLen: number): void {
  const invalid = (row: TokenRow, problem: string): BadInputError =>
    new BadInputError('TRAINING_ROW_INVALID', `training row ${row.row}: ${problem}`, { details: { row: row.row } });
  if (rows.length === 0) throw new BadInputError('TRAINING_ROWS_EMPTY', 'no row is left to train on');
  for (const row of rows) {
    if (row.ids.length !== row.labels.length) throw invalid(row, 'ids and labels differ in length');
    if (row.ids.length > sequenceLen) throw invalid(row, `${row.ids.length} tokens, allowed are ${sequenceLen}`);
    if (row.ids.some((id) => id < 0 || id >= vocabularySize)) throw invalid(row, 'an id is outside the vocabulary');
    if (row.labels.some((label) => label !== IGNORED_LABEL && (label < 0 || label >= vocabularySize))) {
      throw invalid(row, 'a label is outside the vocabulary');
    }
  }
}
