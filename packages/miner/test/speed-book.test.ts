import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@tuning/kit';
import { expect, it, onTestFinished } from 'vitest';
import { SpeedBook } from '../src/speed-book.ts';

it('keeps the median of the last trainings over restarts, and begins anew where the file is spoilt', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'miner-speed-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'speed.json');
  const book = await SpeedBook.open(file, silentLogger);
  expect(book.tokensPerSecond1b).toBeUndefined();
  for (const seconds of [1, 100, 2]) await book.note({ parameters: 1e9, tokens: 1_000 }, seconds * 1_000);
  await book.note({ parameters: 1e9, tokens: 0 }, 0);
  expect(book.tokensPerSecond1b).toBe(500);
  expect((await SpeedBook.open(file, silentLogger)).tokensPerSecond1b).toBe(500);
  for (let n = 0; n < 9; n += 1) await book.note({ parameters: 2e9, tokens: 100 }, 1_000);
  expect(book.tokensPerSecond1b, 'a new machine').toBe(200);
  await writeFile(file, '[1, -2]');
  expect((await SpeedBook.open(file, silentLogger)).tokensPerSecond1b).toBeUndefined();
});
