import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDataset, tokenise } from '@tuning/dataset';
import { loadTokenizer } from '@tuning/llm';
import { z } from 'zod';
import { planEpoch } from '../../llm/src/train/batches.ts';
import { runCpuTrainer } from '../src/cpu-trainer-job.ts';
import { hyperparametersOf } from '../src/recipe-hyperparameters.ts';
import { curveOf, datasetType, prepareDemoJob } from './demo-job.ts';

const LIMIT_MS = 600_000;
const adam = { adam_beta1: 0.9, adam_beta2: 0.95, adam_epsilon: 1e-8 };
const lora = { adapter: 'lora', lora_r: 8, lora_alpha: 16, lora_dropout: 0, lora_target_linear: true };

/**
 * Two recipes that between them use what decides a step: warm-up, both falling schedules, accumulation with a last step of
 * an epoch that is short of rows, a second epoch, clipping, weight decay, packing, every weight and an adapter.
 */
export const RUNS = {
  full: {
    task: { sequenceLen: 64, rows: 430 },
    recipe: {
      ...{
        adapter: 'full',
        learning_rate: 1e-3,
        lr_scheduler: 'linear',
        weight_decay: 0.1,
        max_grad_norm: 4.2,
        ...adam,
      },
      ...{ micro_batch_size: 2, gradient_accumulation_steps: 2, num_epochs: 2, max_steps: 120, warmup_steps: 10 },
    },
  },
  lora: {
    task: { sequenceLen: 128, rows: 900 },
    recipe: {
      ...{ ...lora, learning_rate: 5e-3, lr_scheduler: 'cosine', weight_decay: 0, max_grad_norm: 1.6, ...adam },
      ...{ micro_batch_size: 2, gradient_accumulation_steps: 1, num_epochs: 2, max_steps: 120, warmup_steps: 12 },
      sample_packing: true,
    },
  },
} as const;
export type RunName = keyof typeof RUNS;

/** What torch did in every optimiser step. */
export const torchRunSchema = z.object({
  versions: z.record(z.string(), z.string()),
  losses: z.array(z.number()),
  lrs: z.array(z.number()),
  /** Norms of all gradients together before clipping. */
  norms: z.array(z.number()),
});
export type TorchRun = z.infer<typeof torchRunSchema>;

/** A whole run of our trainer in `dir`; its loss curve. */
export async function runOurs(name: RunName, dir: string) {
  const { recipe, task } = RUNS[name];
  await prepareDemoJob(dir, recipe, task);
  await train(dir);
  return curveOf(dir);
}

/** The same run by transformers' Trainer: our order of the rows, and our adapter's first values. */
export async function runTorch(name: RunName, dir: string, python: string): Promise<TorchRun> {
  const { recipe, task } = RUNS[name];
  const whole = await prepareDemoJob(dir, recipe, task);
  const { hyperparameters, seed } = hyperparametersOf(whole);
  const dataset = await readDataset({ path: join(dir, 'data/train.jsonl'), format: 'json' });
  const { rows } = tokenise(dataset.rows, datasetType, await loadTokenizer(join(dir, 'model')), task.sequenceLen);
  const epochs = Array.from({ length: hyperparameters.epochs }, (_, epoch) =>
    planEpoch(rows, hyperparameters, seed, epoch)
      .flat()
      .map((batch) => batch.map((sequence) => sequence.map(({ ids, labels }) => [[...ids], [...labels]]))),
  );
  const adapter = hyperparameters.lora ? await firstAdapter(name, join(dir, 'start')) : null;
  const { stdout, stderr, status } = spawnSync(
    python,
    [fileURLToPath(new URL('./vectors/torch-runs.py', import.meta.url))],
    {
      input: JSON.stringify({ model: join(dir, 'model'), adapter, recipe: whole, epochs }),
      encoding: 'utf8',
      timeout: LIMIT_MS,
      maxBuffer: 2 ** 26,
    },
  );
  if (status !== 0) throw new Error(`torch-runs.py ended with ${status}: ${stderr.slice(-4000)}`);
  return torchRunSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1)!));
}

/** The first step of a warm-up has a learning rate of 0, so what is written after it is what the run starts with. */
async function firstAdapter(name: RunName, dir: string): Promise<string> {
  const { recipe, task } = RUNS[name];
  await prepareDemoJob(dir, { ...recipe, max_steps: 1 }, task);
  await train(dir);
  return join(dir, 'out/model');
}

const train = (dir: string) => runCpuTrainer({ dir, threads: 1, shouldStop: () => false, print: () => {} });
