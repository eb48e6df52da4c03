import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDataset, requireColumns, tokenise } from '@tuning/dataset';
import { BadInputError, writeFileAtomic } from '@tuning/kit';
import { countSteps, loadTokenizerFor, measureRows, trainModel } from '@tuning/llm';
import { type CurvePoint, curvePointSchema } from '@tuning/protocol';
import { parseRecipe } from './recipe.ts';
import { type CpuTraining, hyperparametersOf } from './recipe-hyperparameters.ts';
import type { TuningSection } from './recipe-schema.ts';

/** Progress lines on stdout in a whole run, about. */
const PROGRESS_LINES = 25;

export interface CpuTrainerOptions {
  /** The job folder: recipe.yml, data/train.jsonl and model/ in, out/ out. */
  readonly dir: string;
  readonly threads: number;
  /** Asked after every step; true: write a checkpoint and end. */
  readonly shouldStop: () => boolean;
  /** One line of progress or explanation. */
  readonly print: (line: string) => void;
}

/**
 * The embedded trainer's work on one job folder. Goes on from `out/checkpoint` if there is one; does nothing when
 * `out/model` is there already. Writes `out/run.json` (rows, dropped rows, steps), `out/log.jsonl` (a CurvePoint per
 * step, `tokens` counting the labels trained on so far), `out/model/` and checkpoints.
 * @returns false when it was stopped before the end
 * @throws OperatorError `RECIPE_INVALID`; BadInputError `RECIPE_UNSUPPORTED` and those of dataset and llm.
 */
export async function runCpuTrainer({ dir, threads, shouldStop, print }: CpuTrainerOptions): Promise<boolean> {
  const outDir = join(dir, 'out');
  const baseDir = join(dir, 'model');
  if (existsSync(join(outDir, 'model'))) {
    print('the model is there already');
    return true;
  }
  await mkdir(outDir, { recursive: true });
  const recipe = parseRecipe(await readFile(join(dir, 'recipe.yml'), 'utf8'), 'recipe.yml');
  const { tuning } = recipe;
  if (tuning === undefined) throw new BadInputError('RECIPE_INVALID', 'recipe.yml: the section tuning is missing');
  const settings = hyperparametersOf(recipe);
  for (const note of settings.notes) print(note);
  const { training, validation, dropped } = await readRows(dir, tuning, settings);
  const { hyperparameters, seed } = settings;
  const totalSteps = countSteps(training, hyperparameters, seed);
  const run = { rows: training.length, validationRows: validation.length, dropped, totalSteps, threads };
  await writeFileAtomic(join(outDir, 'run.json'), `${JSON.stringify(run)}\n`, 0o644);
  print(describe(run));

  const result = await trainModel({
    baseDir,
    base: { repo: tuning.baseRepo, revision: tuning.baseRevision },
    rows: training,
    recipe: hyperparameters,
    outDir,
    resume: true,
    seed,
    threads,
    onStep: stepLogger(join(outDir, 'log.jsonl'), print),
    shouldStop,
    shouldFinish: () => tuning.finishBy !== undefined && Date.now() >= tuning.finishBy,
  });
  if (result.stopped) {
    print(`stopped after step ${result.steps}; the checkpoint is written`);
    return false;
  }
  if (result.steps < totalSteps) print(`finished early, before the deadline: ${result.steps} of ${totalSteps} steps`);
  print(`done: ${result.steps} steps, loss of the last ${result.finalLoss.toFixed(4)}`);
  if (validation.length > 0) {
    const model = join(outDir, 'model');
    const weights =
      hyperparameters.lora === undefined
        ? ({ kind: 'full', dir: model } as const)
        : ({ kind: 'adapter', baseDir, dir: model } as const);
    const { summary } = await measureRows({ baseDir, weights, rows: validation, threads });
    print(`validation loss ${summary.loss.toFixed(4)} over ${summary.rowsKept} rows`);
  }
  return true;
}

async function readRows(dir: string, tuning: TuningSection, { trainOnInputs, validation: share }: CpuTraining) {
  const dataset = await readDataset({ path: join(dir, 'data', 'train.jsonl'), format: 'json' });
  requireColumns(dataset.columns, tuning.datasetType);
  const { datasetType: type, sequenceLen } = tuning;
  const tokenizer = await loadTokenizerFor(type, join(dir, 'model'));
  const { rows, dropped } = tokenise(dataset.rows, type, tokenizer, sequenceLen);
  const used = trainOnInputs ? tokenise(dataset.rows, type, tokenizer, sequenceLen, { trainOnInputs }).rows : rows;
  // As in Axolotl (datasets' train_test_split without shuffling): the tail.
  const held = share < 1 ? Math.ceil(used.length * share) : share;
  if (used.length - held < 1) {
    throw new BadInputError(
      'TRAINING_ROWS_EMPTY',
      `of ${dataset.rows.length} rows none is left to train on (dropped: ${JSON.stringify(dropped)}, held back: ${held})`,
    );
  }
  const cut = used.length - held;
  // Inputs may be all that is trained of a row, so the two lists need not have the same rows.
  const from = used[cut]?.row ?? Number.POSITIVE_INFINITY;
  const validation = trainOnInputs ? rows.filter(({ row }) => row >= from) : rows.slice(cut);
  return { training: used.slice(0, cut), validation, dropped };
}

function describe(run: { rows: number; dropped: Record<string, number>; totalSteps: number; threads: number }): string {
  const dropped = Object.entries(run.dropped).filter(([, count]) => count > 0);
  const reasons = dropped.map(([reason, count]) => `${count} ${reason}`).join(', ');
  return `${run.rows} rows${reasons === '' ? '' : ` (dropped: ${reasons})`}, ${run.totalSteps} steps, threads: ${run.threads}`;
}

/** Appends each point to the log and prints a line now and then. */
function stepLogger(file: string, print: (line: string) => void): (point: CurvePoint, totalSteps: number) => void {
  let first = true;
  return (point, totalSteps) => {
    if (first) cutLog(file, point.step);
    appendFileSync(file, `${JSON.stringify(point)}\n`);
    if (first || point.step % Math.ceil(totalSteps / PROGRESS_LINES) === 0 || point.step === totalSteps) {
      print(`step ${point.step}/${totalSteps} loss ${point.loss.toFixed(4)} lr ${point.lr.toExponential(2)}`);
    }
    first = false;
  };
}

/** Drops the points from `step` on: a run that was killed had gone on after its last checkpoint. */
function cutLog(file: string, step: number): void {
  if (!existsSync(file)) return;
  const kept = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => isPointBefore(line, step));
  writeFileSync(file, kept.map((line) => `${line}\n`).join(''));
}

function isPointBefore(line: string, step: number): boolean {
  try {
    const point = curvePointSchema.safeParse(JSON.parse(line));
    return point.success && point.data.step < step;
  } catch {
    // The last line of a killed run may be half written.
    return false;
  }
}
