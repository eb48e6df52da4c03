import { readFile } from 'node:fs/promises';
import { errorMessage, type Logger, sleep } from '@tuning/kit';
import type { CurvePoint } from '@tuning/protocol';
import { parse } from 'yaml';
import { z } from 'zod';
import { type CurveCollector, CurveLogReader } from './curve-log.ts';
import type { JobFolder } from './job-folder.ts';
import type { TrainingProgress } from './outcome.ts';

const EVERY_MS = 1_000;
/** Steps over which the pace is measured: enough to smooth one slow step, few enough to follow a busier machine. */
const PACE_POINTS = 20;

const totalStepsLine = z.object({ totalSteps: z.number().int().min(0) });
const recipeSteps = z.object({ max_steps: z.number().int().min(1) });

/** N of a trainer's stdout line `{"totalSteps": N}` or `step 3/N …`; undefined for any other line. */
export function totalStepsOf(line: string): number | undefined {
  const counted = /^step \d{1,9}\/(\d{1,9})\b/.exec(line)?.[1];
  if (counted !== undefined) return Number(counted);
  if (!line.startsWith('{') || line.length > 1_000) return undefined;
  try {
    return totalStepsLine.safeParse(JSON.parse(line)).data?.totalSteps;
  } catch {
    return undefined;
  }
}

/** `max_steps` of the job's recipe, where it has one. */
export async function totalStepsOfRecipe(file: string): Promise<number | undefined> {
  try {
    return recipeSteps.safeParse(parse(await readFile(file, 'utf8'))).data?.max_steps;
  } catch {
    // Absent or not YAML: the trainer says so; progress goes without a total.
    return undefined;
  }
}

/** Progress after the newest of `recent` points, which are in step order. */
export function progressOf(
  recent: readonly CurvePoint[],
  totalSteps: number | undefined,
): TrainingProgress | undefined {
  const last = recent.at(-1);
  if (!last) return undefined;
  const first = recent[0] as CurvePoint;
  const steps = last.step - first.step;
  const ms = Math.max(0, last.ts - first.ts);
  const pace = steps > 0 ? ms / steps : undefined;
  const tokens = last.tokens - first.tokens;
  return {
    step: last.step,
    loss: last.loss,
    epoch: last.epoch,
    at: last.ts,
    ...(ms > 0 && tokens >= 0 ? { tokensPerSecond: (1_000 * tokens) / ms } : {}),
    ...(totalSteps === undefined ? {} : { totalSteps }),
    ...(totalSteps === undefined || pace === undefined
      ? {}
      : { etaMs: Math.round(Math.max(0, totalSteps - last.step) * pace) }),
  };
}

/**
 * Follows a job's `log.jsonl` until `signal` aborts, then reads it once more. Reports at most once a second, and only
 * where there is something new.
 */
export async function followProgress(options: {
  folder: JobFolder;
  totalSteps: () => number | undefined;
  report: (progress: TrainingProgress) => void;
  /** Gets every point. */
  curve: CurveCollector;
  signal: AbortSignal;
  logger: Logger;
}): Promise<void> {
  const { folder, totalSteps, report, curve, signal, logger } = options;
  const reader = new CurveLogReader(folder.curveLog);
  const ofRecipe = await totalStepsOfRecipe(folder.recipe);
  let recent: CurvePoint[] = [];
  let faulty = false;
  for (let ending = false; ; ending = signal.aborted) {
    let news = false;
    try {
      await reader.read((point) => {
        news = true;
        curve.add(point);
        recent = [...recent.filter(({ step }) => step < point.step), point].slice(-PACE_POINTS);
      });
      const progress = news ? progressOf(recent, totalSteps() ?? ofRecipe) : undefined;
      if (progress) report(progress);
      faulty = false;
    } catch (error) {
      // Progress is for people; the run goes on without it. Told once for as long as it lasts.
      if (!faulty)
        logger.warn(
          { job: folder.id, error: errorMessage(error) },
          'cannot read or note the progress of a training job',
        );
      faulty = true;
    }
    if (ending) return;
    await sleep(EVERY_MS, signal).catch(() => {});
  }
}
