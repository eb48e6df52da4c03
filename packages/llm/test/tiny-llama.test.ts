import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import {
  createMeasurer,
  loadTokenizer,
  loadWeights,
  type ModelConfig,
  type ModelTokenizer,
  type ModelWeights,
  readModelConfig,
} from '../src/index.ts';
import { referenceLosses } from './reference-model.ts';

/** The trained base model of the devnet: the tests above it have random weights only. */
const dir = fileURLToPath(new URL('../../devnet/assets/tiny-llama/', import.meta.url));
const SENTENCE = 'an animal that lives in the water and feeds on small fish';

let config: ModelConfig;
let weights: ModelWeights;
let tokenizer: ModelTokenizer;
beforeAll(async () => {
  config = await readModelConfig(dir);
  weights = await loadWeights(config, { kind: 'full', dir });
  tokenizer = await loadTokenizer(dir);
});

const rowOf = (ids: readonly number[]) => ({ row: 0, ids: Int32Array.from(ids), labels: Int32Array.from(ids) });

test('token losses of real text agree with the float64 forward pass', async () => {
  const ids = [tokenizer.eosId, ...tokenizer.encode(SENTENCE), tokenizer.eosId];
  const [losses] = await createMeasurer(config, weights).tokenLosses([rowOf(ids)]);
  const reference = referenceLosses(config, weights, ids);
  for (const [index, loss] of losses!.entries())
    expect(Math.abs(loss - reference[index]!), `token ${index}`).toBeLessThan(1e-5);
});

test('it was really trained: text costs far less than the same tokens out of order', async () => {
  const ids = [tokenizer.eosId, ...tokenizer.encode(SENTENCE)];
  const shuffled = [tokenizer.eosId, ...ids.slice(1).reverse()];
  const measurer = createMeasurer(config, weights);
  const inOrder = await measurer.measure([rowOf(ids)]);
  const outOfOrder = await measurer.measure([rowOf(shuffled)]);
  // An untrained model has ln 2048 = 7.6.
  expect(inOrder.summary.loss).toBeLessThan(6);
  expect(outOfOrder.summary.loss).toBeGreaterThan(inOrder.summary.loss + 1);
});

test('its tokenizer keeps every text', () => {
  for (const text of [SENTENCE, 'Ærøskøbing – 12 €\n\t"x"', '  two  spaces ', '<|endoftext|>']) {
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  }
});
