import type { CurvePoint, TokenRow } from '@tuning/protocol';
import type { TrainingHyperparameters } from './hyperparameters.ts';

export interface TrainModelArgs {
  /** Folder with config.json, model.safetensors and the tokenizer files of the base. */
  readonly baseDir: string;
  /** Named in the adapter's config; a full model does not need it. */
  readonly base: { readonly repo: string; readonly revision: string } | undefined;
  readonly rows: readonly TokenRow[];
  readonly recipe: TrainingHyperparameters;
  /** `model/` and `checkpoint/` are written below it. */
  readonly outDir: string;
  /** Go on from `checkpoint/` if there is one. Default false. */
  readonly resume?: boolean;
  readonly seed: number;
  /** Intra-op threads, default 1. The result is the same for any number. */
  readonly threads?: number;
  readonly onStep: (point: CurvePoint, totalSteps: number) => void;
  /** Asked after every step; true: write a checkpoint and return. */
  readonly shouldStop?: () => boolean;
}

export interface TrainModelResult {
  /** Optimiser steps done, those before a resume included. */
  readonly steps: number;
  readonly finalLoss: number;
  /** True when `shouldStop` ended it: there is a checkpoint and no model. */
  readonly stopped: boolean;
}

/** Trains a Llama-family model on the CPU. Blocks the event loop during each step: run it in a child process. */
export async function trainModel(_args: TrainModelArgs): Promise<TrainModelResult> {
  throw new Error('not built yet');
}
