import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RUNS, type RunName, runOurs, runTorch, torchRunSchema } from './torch-runs.ts';

/** What torch computed, recorded: README.md says how it is checked again and written anew. */
const file = new URL('./vectors/torch-runs.json', import.meta.url);
const python = process.env['TUNING_TORCH_PYTHON'];
const isRecording = process.env['TUNING_TORCH_RECORD'] === '1';
/** Of any step's loss, relative. Rounding of float32 moves it by 1e-6; ten times that is left for other CPUs. */
const LARGEST_DIFFERENCE = 1e-5;
const LIMIT_MS = 600_000;
const names = Object.keys(RUNS) as RunName[];

const recorded = async () =>
  z.record(z.string(), torchRunSchema).parse(JSON.parse(await readFile(file, 'utf8').catch(() => '{}')));

async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'torch-runs-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Largest relative difference of two series. */
const apart = (ours: readonly number[], theirs: readonly number[]): number => {
  expect(ours.length).toBe(theirs.length);
  return Math.max(...ours.map((value, i) => Math.abs(value / theirs[i]! - 1)));
};

describe.skipIf(python === undefined)('the recorded runs (TUNING_TORCH_PYTHON)', () => {
  it.each(names)('%s: torch computes them again', { timeout: LIMIT_MS }, async (name) => {
    const fresh = await inFolder((dir) => runTorch(name, dir, python!));
    if (isRecording) await writeFile(file, `${JSON.stringify({ ...(await recorded()), [name]: fresh }, null, 1)}\n`);
    expect(apart(fresh.losses, (await recorded())[name]!.losses)).toBeLessThan(LARGEST_DIFFERENCE);
  });
});

describe('whole runs of the trainer against transformers’ Trainer, PEFT and torch', () => {
  it.each(names)('%s: the same loss and learning rate at every step', { timeout: LIMIT_MS }, async (name) => {
    const { losses, lrs, norms } = (await recorded())[name]!;
    const curve = await inFolder((dir) => runOurs(name, dir));
    const difference = apart(
      curve.map(({ loss }) => loss),
      losses,
    );
    process.stdout.write(`${name}: ${curve.length} steps, losses within ${difference.toExponential(1)} of torch's\n`);
    expect(difference).toBeLessThan(LARGEST_DIFFERENCE);
    for (const [i, { lr }] of curve.entries()) expect(lr, `step ${i + 1}`).toBeCloseTo(lrs[i]!, 12);
    // The record is of a run that learns, and is clipped at some steps only.
    const { max_steps: steps, max_grad_norm: limit } = RUNS[name].recipe;
    expect(losses.length).toBe(steps);
    const clipped = norms.filter((norm) => norm > limit).length;
    expect(clipped).toBeGreaterThan(steps / 10);
    expect(clipped).toBeLessThan(steps);
    const mean = (part: number[]) => part.reduce((sum, loss) => sum + loss, 0) / part.length;
    expect(mean(losses.slice(-20))).toBeLessThan(mean(losses.slice(0, 20)) - 0.3);
  });
});
