import { expect, test } from 'vitest';
import { deltaMap } from '../src/models/delta-map.ts';

const ESCAPE = String.fromCharCode(27);

const DELTAS = [
  { name: 'model.embed_tokens.weight', relative: 0 },
  { name: 'model.layers.0.self_attn.q_proj.weight', relative: 3e-5 },
  { name: 'model.layers.0.self_attn.q_proj.bias', relative: 0.2 },
  { name: 'model.layers.0.input_layernorm.weight', relative: 2e-3 },
  { name: 'model.layers.10.self_attn.q_proj.weight', relative: 0.02 },
  { name: 'model.layers.2.self_attn.q_proj.weight', relative: 5e-4 },
  { name: 'lm_head.weight', relative: 1.5 },
];

test('a line per layer in their order, a column per kind, a mark per order of magnitude', () => {
  expect(deltaMap(DELTAS, false).split('\n')).toEqual([
    '             q   q.bias input_norm',
    '           0 --- ██████ ▒▒▒▒▒▒▒▒▒▒',
    '           2 ░░░',
    '          10 ▓▓▓',
    'embed_tokens .... 0.00e+0',
    '     lm_head ████ 1.50e+0',
    '             .. none  -- 1e-6  ░░ 1e-4  ▒▒ 1e-3  ▓▓ 1e-2  ██ 0.1  and more: relative change of a tensor',
    '',
  ]);
});

test('on a terminal the same with colours', () => {
  const colours = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');
  const coloured = deltaMap(DELTAS, true);
  expect(coloured.match(colours)!.length).toBeGreaterThan(20);
  expect(coloured.replaceAll(colours, '')).toBe(deltaMap(DELTAS, false));
});

test('GPT-2’s names are understood too, and no name steers the terminal', () => {
  expect(deltaMap([{ name: 'transformer.h.3.attn.c_attn.weight', relative: 0 }], false)).toMatch(
    /^ +c_attn\n +3 \.{6}\n/,
  );
  expect(deltaMap([{ name: `x.${ESCAPE}[2J`, relative: 0 }], false)).toContain('\\u001b[2J');
});
