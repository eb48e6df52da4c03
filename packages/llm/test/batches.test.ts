import type { TokenRow } from '@tuning/protocol';
import { expect, test } from 'vitest';
import { LOSS_CHUNK } from '../src/graph/loss-head.ts';
import { planBatches } from '../src/measure/batches.ts';
import { randomOf, TINY } from './reference-model.ts';

const rowOf = (ids: number, row = 0): TokenRow => ({ row, ids: new Int32Array(ids), labels: new Int32Array(ids) });
const plan = (lengths: readonly number[]) =>
  planBatches(
    lengths.map((length, row) => rowOf(length, row)),
    TINY,
  ).batches;

test.each([
  [1, 32, 32],
  [33, 48, 24],
  [64, 64, 16],
  [65, 96, 12],
  [97, 128, 8],
  [129, 192, 6],
  [193, 256, 4],
  [257, 384, 3],
  [385, 512, 2],
  [513, 640, 2],
  [641, 768, 1],
  [1_025, 1_280, 1],
  [2_125, 2_560, 1],
  [131_071, 131_072, 1],
])('a row that predicts at %i positions stands in a bucket of %i, %i a batch', (positions, tokens, batch) => {
  expect(plan([positions + 1])).toEqual([{ tokens, batch, rowTokens: 0, members: [0] }]);
});

test('every row stands in one batch that holds it, and every batch can be cut into chunks of the loss head', () => {
  const random = randomOf(3);
  const lengths = Array.from({ length: 500 }, () => 2 + Math.floor(1_500 * random() ** 3));
  const batches = plan(lengths);
  const members = batches.flatMap((batch) => batch.members);
  expect([...members].sort((a, b) => a - b)).toEqual([...lengths.keys()]);
  for (const { tokens, batch, members } of batches) {
    expect((tokens * batch) % LOSS_CHUNK).toBe(0);
    expect(members.length).toBeLessThanOrEqual(batch);
    for (const member of members) expect(lengths[member]! - 1).toBeLessThanOrEqual(tokens);
  }
  const used = batches.reduce((sum, { tokens, batch }) => sum + tokens * batch, 0);
  const needed = lengths.reduce((sum, length) => sum + length - 1, 0);
  expect(used / needed).toBeLessThan(1.25);
});

test('a few rows go with longer ones rather than into a session of their own', () => {
  const lengths = (few: number) => [...Array<number>(3).fill(500), ...Array<number>(few).fill(380)];
  const tokens = (few: number) => plan(lengths(few)).map((batch) => batch.tokens);
  expect(tokens(9)).toEqual(Array(6).fill(512));
  expect(tokens(12)).toEqual([384, 384, 384, 384, 512, 512]);
});
