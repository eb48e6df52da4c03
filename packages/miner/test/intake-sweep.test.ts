import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@tuning/kit';
import { expect, it } from 'vitest';
import { sweepIntake } from '../src/intake-sweep.ts';
import { openTempStore } from './temp-store.ts';

it('rows of orders go that no job waits for, those of waiting and running jobs stay', async ({ onTestFinished }) => {
  const { store, folder, remove } = await openTempStore();
  onTestFinished(remove);
  const intake = join(folder, 'intake');
  await sweepIntake(intake, store.jobs, silentLogger);
  for (const id of ['own-running', 'own-queued', 'own-done', 'own-unknown']) {
    await mkdir(join(intake, id), { recursive: true });
    await writeFile(join(intake, id, 'train.jsonl'), '{}');
  }
  for (const id of ['own-running', 'own-queued', 'own-done']) store.jobs.insert({ id, kind: 'own', payload: {} });
  store.jobs.finish('own-done', 'Failed');
  store.jobs.claim(1);
  await sweepIntake(intake, store.jobs, silentLogger);
  expect(await readdir(intake)).toEqual(['own-queued', 'own-running']);
});
