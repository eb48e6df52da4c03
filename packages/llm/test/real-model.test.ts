import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenRow } from '@tuning/protocol';
import { expect, test } from 'vitest';
import { createMeasurer, loadTokenizer, loadWeights, readModelConfig } from '../src/index.ts';
import { summarise, sumRow } from '../src/measure/summary.ts';

/** A folder that vectors/make-real-model.py has written: SmolLM2-135M-Instruct and what transformers makes of it. */
const DIR = process.env['TUNING_REAL_MODEL'];

interface Vector {
  loss: number;
  rows: { text: string; ids: number[]; nll: number[] }[];
}

test.skipIf(DIR === undefined)(
  'a real pretrained model has the losses that transformers gives it, on English text (TUNING_REAL_MODEL)',
  { timeout: 300_000 },
  async () => {
    const dir = DIR!;
    const vector = JSON.parse(readFileSync(join(dir, 'vector.json'), 'utf8')) as Vector;
    const tokenizer = await loadTokenizer(dir);
    const rows = vector.rows.map(({ text, ids }, row): TokenRow => {
      expect(tokenizer.encode(text)).toEqual(ids);
      return { row, ids: Int32Array.from(ids), labels: Int32Array.from(ids) };
    });
    const config = await readModelConfig(dir);
    const measurer = createMeasurer(config, await loadWeights(config, { kind: 'full', dir }), { threads: 2 });
    const losses = await measurer.tokenLosses(rows);
    let worst = 0;
    for (const [row, { nll }] of vector.rows.entries()) {
      for (const [at, value] of nll.entries()) worst = Math.max(worst, Math.abs(value - losses[row]![at]!));
    }
    const inRow = losses.map((own, index) => sumRow(rows[index]!, own));
    const { summary, rows: sums } = summarise(rows, inRow, {});
    const perplexities = sums.sumNll.map((sum, row) => Math.exp(sum / sums.tokens[row]!).toFixed(2));
    const difference = summary.loss - vector.loss;
    console.log(
      `loss ${summary.loss.toFixed(6)}, ${difference.toExponential(1)} from transformers, worst token ` +
        `${worst.toExponential(1)} of ${summary.tokens}; perplexities ${perplexities.join(', ')}`,
    );
    expect(Math.abs(difference)).toBeLessThan(1e-5);
    expect(worst).toBeLessThan(1e-3);
    // Prose that it has not learnt by heart, at 4 bits a weight: far from random (49,152) and from recited (1).
    expect(Number(perplexities[1])).toBeGreaterThan(15);
    expect(Number(perplexities[1])).toBeLessThan(40);
  },
);
