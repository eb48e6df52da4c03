import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { lossChart } from '../src/loss-chart.ts';
import { type ModelCardFacts, modelCard } from '../src/model-card.ts';
import { publishedRecipe } from '../src/published-recipe.ts';
import { offer } from './temp-store.ts';

const HOTKEY = `5${'M'.repeat(47)}`;
const curve = Array.from({ length: 90 }, (_, i) => ({
  step: i + 1,
  epoch: (i + 1) / 90,
  loss: 4 / (1 + i / 10) + 1,
  lr: 1e-4,
  tokens: (i + 1) * 100,
  ts: 1_000_000 + i * 500,
}));
const facts: ModelCardFacts = {
  offer,
  repo: 'm/t-1',
  hotkey: HOTKEY,
  isAdapter: false,
  recipe: 'adapter: null\nlearning_rate: 0.0002\n',
  steps: 90,
  finalLoss: curve.at(-1)!.loss,
  curve,
};
const headOf = (card: string) => parse(card.split('---\n')[1]!);

it('tells the hub what a whole model and an adapter are', () => {
  expect(headOf(modelCard(facts))).toEqual({
    base_model: 'demo/tiny',
    base_model_relation: 'finetune',
    library_name: 'transformers',
    pipeline_tag: 'text-generation',
    datasets: ['v/tuning-x'],
    tags: ['tuning-subnet'],
  });
  const adapter = modelCard({ ...facts, isAdapter: true });
  expect(headOf(adapter)).toMatchObject({ base_model_relation: 'adapter', library_name: 'peft' });
  expect(adapter).toContain('PeftModel.from_pretrained(base, "m/t-1")');
});

it('tells people whose it is and how it trained', () => {
  const card = modelCard(facts);
  for (const told of [
    `netuid ${offer.netuid}`,
    offer.taskId,
    HOTKEY,
    offer.model.revision,
    offer.dataset.revision,
    'deadline block 200',
    '| optimiser steps | 90 |',
    '| first loss | 5.0000 |',
    '| trained tokens | 9000 |',
    '| from first to last step | 45 s |',
    'learning_rate: 0.0002',
  ]) {
    expect(card).toContain(told);
  }
  expect(modelCard({ ...facts, curve: [], finalLoss: null })).toContain('| last loss | not reported |');
});

it('draws the loss: high at the left, low at the right', () => {
  const lines = lossChart(curve).split('\n');
  expect(lines).toHaveLength(14);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(76);
  expect(lines[0]).toMatch(/^ {3}\d\.\d{3} \|\*/);
  expect(lines[11]).toMatch(/^ {3}1\.4\d\d \|.*\*$/);
  expect(lines.at(-1)).toMatch(/step 1 .* 90$/);
  expect(lines.slice(0, 12).join('').match(/\*/g)).toHaveLength(64);
  expect(lossChart(curve.slice(0, 1))).toBe('');
  expect(lossChart([curve[0]!, curve[0]!])).toContain('**');
});

it('publishes no secret of the operator and keeps the recipe in its place', () => {
  const recipe = [
    'hub_token: abc',
    'wandb_api_key: def',
    'hf_use_auth_token: ghi',
    'tuning:',
    '  remote: https://me:pw123@host/x',
    '  note: hf_abcdefghijkl',
    'special_tokens:',
    '  pad_token: " "',
    'chat_template: "```\\n# not ours"',
  ].join('\n');
  const text = publishedRecipe(recipe);
  for (const secret of ['abc', 'def', 'ghi', 'pw123', 'hf_a']) expect(text).not.toContain(secret);
  expect(parse(text)).toMatchObject({ hub_token: '[not published]', special_tokens: { pad_token: ' ' } });
  const card = modelCard({ ...facts, recipe });
  expect(card.split('\n').filter((line) => line.startsWith('````'))).toEqual(['````yaml', '````']);
});
