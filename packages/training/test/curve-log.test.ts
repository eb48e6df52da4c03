import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CurvePoint } from '@tuning/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { CurveCollector, CurveLogReader, readCurve } from '../src/curve-log.ts';
import { progressOf, totalStepsOf } from '../src/progress.ts';

const point = (step: number, more: Partial<CurvePoint> = {}): CurvePoint => ({
  step,
  epoch: 0,
  loss: 1,
  lr: 0.1,
  tokens: step,
  ts: 1_000 + step * 100,
  ...more,
});

async function logFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tuning-curve-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'log.jsonl');
}

it('reads a growing log point by point and skips what is none', async () => {
  const file = await logFile();
  const reader = new CurveLogReader(file);
  const steps: number[] = [];
  const read = () => reader.read(({ step }) => steps.push(step));
  await read();
  const text = `${JSON.stringify(point(1))}\n${JSON.stringify(point(2))}\n`;
  await writeFile(file, text.slice(0, -10));
  await read();
  expect(steps).toEqual([1]);
  await appendFile(file, text.slice(-10));
  await read();
  expect(steps).toEqual([1, 2]);
  await appendFile(
    file,
    `not json\n${JSON.stringify(point(3, { loss: Number.NaN }))}\n\n{"a":"${'x'.repeat(300_000)}"}\n`,
  );
  await appendFile(file, `${JSON.stringify(point(4))}\n`);
  await read();
  expect(steps).toEqual([1, 2, 4]);
  expect(reader.skipped).toBe(3);
  await writeFile(file, `${JSON.stringify(point(1))}\n`);
  await read();
  expect(steps).toEqual([1, 2, 4, 1]);
});

it('lets a resumed run replace the steps it repeats', async () => {
  const file = await logFile();
  const points = [point(1), point(2), point(3, { loss: 9 }), point(4, { loss: 9 }), point(3), point(4), point(5)];
  await writeFile(file, points.map((one) => `${JSON.stringify(one)}\n`).join(''));
  expect(await readCurve(file)).toEqual([1, 2, 3, 4, 5].map((step) => point(step)));
});

it('thins a long curve evenly and keeps its ends', () => {
  const collector = new CurveCollector(100);
  for (let step = 1; step <= 5_000; step++) collector.add(point(step));
  const steps = collector.points().map(({ step }) => step);
  expect(steps.length).toBeLessThanOrEqual(100);
  expect(steps.length).toBeGreaterThan(50);
  expect(steps[0]).toBe(1);
  expect(steps.at(-1)).toBe(5_000);
  const gaps = new Set(steps.slice(1, -1).map((step, index) => step - steps[index]!));
  expect([...gaps]).toEqual([64]);
});

it('estimates the rest from the pace of the last steps', () => {
  expect(progressOf([], 10)).toBeUndefined();
  expect(progressOf([point(4)], 10)).toEqual({ step: 4, loss: 1, epoch: 0, at: 1_400, totalSteps: 10 });
  expect(progressOf([point(2), point(4)], 10)).toMatchObject({ etaMs: 600 });
  expect(progressOf([point(2), point(4)], 10)).toMatchObject({ tokensPerSecond: 10 });
  expect(progressOf([point(2), point(4)], undefined)).not.toHaveProperty('etaMs');
  expect(totalStepsOf('{"totalSteps": 7}')).toBe(7);
  expect(totalStepsOf('step 3/120 loss 2.5')).toBe(120);
  for (const line of ['{"totalSteps": -1}', '{broken', 'step 1', '{}']) expect(totalStepsOf(line)).toBeUndefined();
});
