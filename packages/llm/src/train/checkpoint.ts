import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError, errorCode, writeFileAtomic } from '@tuning/kit';
import { digestJson, LIMITS, type TokenRow } from '@tuning/protocol';
import { z } from 'zod';
import { readJsonFile } from '../config/json-file.ts';
import { openSafetensorsFile } from '../safetensors/file.ts';
import { writeSafetensors } from '../safetensors/write.ts';
import type { TrainedTensor } from './adamw.ts';
import type { TrainingHyperparameters } from './hyperparameters.ts';
import type { TrainingProgress } from './training-loop.ts';

const STATE_FILE = 'state.json';
const stateSchema = z.strictObject({
  /** Digest of everything that decides the run; a checkpoint of another run is refused. */
  run: z.string().length(64),
  step: z.number().int().min(1),
  tokens: z.number().int().min(0),
  loss: z.number(),
  /** The file with the trained weights and the optimiser's moments. */
  tensors: z.string().regex(/^step-\d{1,9}\.safetensors$/),
});

/** Digest of recipe, base, seed and rows: two runs with the same one do the same steps. */
export function runDigest(args: {
  recipe: TrainingHyperparameters;
  base: { repo: string; revision: string } | undefined;
  seed: number;
  rows: readonly TokenRow[];
}): string {
  const { lora, ...numbers } = args.recipe;
  const hash = createHash('sha256');
  for (const { ids, labels } of args.rows)
    for (const part of [Int32Array.of(ids.length), ids, labels]) hash.update(part);
  return digestJson({
    numbers: { ...numbers, warmup: { ...numbers.warmup }, saveSteps: undefined },
    lora: lora === undefined ? null : { ...lora, targets: [...lora.targets] },
    base: args.base === undefined ? null : { ...args.base },
    seed: args.seed,
    rows: hash.digest('hex'),
  });
}

/** Writes a checkpoint; until the state file is renamed into place the one before it counts. */
export async function writeCheckpoint(
  dir: string,
  run: string,
  progress: TrainingProgress,
  trained: readonly TrainedTensor[],
): Promise<void> {
  await mkdir(dir, { recursive: true });
  const file = `step-${progress.step}.safetensors`;
  const tensors = trained.flatMap(({ name, dims, values, m, v }) =>
    Object.entries({ values, m, v }).map(([part, data]) => ({
      name: `${part}.${name}`,
      shape: dims,
      dtype: 'F32' as const,
      data,
    })),
  );
  await writeSafetensors(join(dir, file), tensors);
  const { step, tokens, loss } = progress;
  await writeFileAtomic(join(dir, STATE_FILE), `${JSON.stringify({ run, step, tokens, loss, tensors: file })}\n`);
  for (const name of await readdir(dir)) {
    if (name !== file && name !== STATE_FILE) await rm(join(dir, name), { recursive: true });
  }
}

/**
 * Puts the checkpoint in `dir` into `trained` (in place) and says how far it had come; undefined if there is none.
 * @throws BadInputError `CHECKPOINT_MISMATCH` if it belongs to another recipe, base, seed or data.
 */
export async function readCheckpoint(
  dir: string,
  run: string,
  trained: readonly TrainedTensor[],
): Promise<TrainingProgress | undefined> {
  let json: unknown;
  try {
    json = await readJsonFile(dir, STATE_FILE, LIMITS.jsonFileBytes);
  } catch (error) {
    if (errorCode(error) === 'FILE_MISSING') return undefined;
    throw error;
  }
  const state = stateSchema.safeParse(json);
  if (!state.success || state.data.run !== run) {
    throw new BadInputError(
      'CHECKPOINT_MISMATCH',
      `the checkpoint in ${dir} belongs to another recipe, base, seed or dataset; remove the folder to train anew`,
    );
  }
  const store = await openSafetensorsFile(join(dir, state.data.tensors));
  try {
    for (const { name, values, m, v } of trained) {
      for (const [part, into] of Object.entries({ values, m, v })) into.set(await store.read(`${part}.${name}`));
    }
  } finally {
    await store.close();
  }
  const { step, tokens, loss } = state.data;
  return { step, tokens, loss };
}
