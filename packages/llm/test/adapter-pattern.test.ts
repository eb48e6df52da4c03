import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAdapterConfig } from '../src/adapter/adapter-config.ts';
import { Pattern, StepBudget } from '../src/adapter/pattern.ts';
import { PatternSyntaxError } from '../src/adapter/pattern-syntax.ts';
import { adapterConfigJson } from './model-folder.ts';

const matches = (pattern: string, text: string) => new Pattern(pattern, new StepBudget()).matches(text);
const Q = 'model.layers.11.self_attn.q_proj';

describe('patterns', () => {
  test.each([
    [String.raw`.*\.(?:[0-9]|1[0-5])\.self_attn\.[qkv]_proj`, Q, true],
    [String.raw`.*\.(?:[0-9]|1[2-5])\.self_attn\.[qkv]_proj`, Q, false],
    [
      String.raw`(?:.*?(?:language|text).*?(?:q_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|mlp)\.(?:(?:q_proj|o_proj)))`,
      Q,
      true,
    ],
    [String.raw`^model\.layers\.\d{2}\.(?P<part>self_attn|mlp)\.\w+$`, Q, true],
    [String.raw`\Amodel.+proj\Z`, Q, true],
    [String.raw`model\b.+\Bproj`, Q, true],
    [String.raw`[^.]+\.[^.]+\.\d{,2}\.[a-z_]{3,}\.(q|k)_proj`, Q, true],
    ['q_proj', Q, false],
    ['.*[]_]proj', Q, true],
    ['.*x{q_proj', 'x{q_proj', true],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test.each([
    '(?=a)b',
    '(?!a)b',
    '(?<=a)b',
    '(?i)a',
    String.raw`(a)\1`,
    'a++',
    'a**',
    '*a',
    '(a',
    'a)',
    '[a',
    'a{3,2}',
    'a{2000}',
    '[b-a]',
    'é',
    String.raw`\x41`,
    '(?:(?:(?:a{1000}){1000}){1000}){1000}',
    '(?:(?:(?:(?:){1000}){1000}){1000}){1000}',
    '('.repeat(100) + ')'.repeat(100),
  ])('%s is refused', (pattern) => {
    expect(() => new Pattern(pattern, new StepBudget())).toThrow(PatternSyntaxError);
  });

  test('what JavaScript matches is matched, and nothing else', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '_',
      '.',
      '[ab]',
      '[^a]',
      '[a-c_]',
      String.raw`\d`,
      String.raw`\.`,
      '(?:a|b)',
    );
    const piece = fc
      .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{0,}', '*?'))
      .map(([part, repeat]) => part + repeat);
    const sequence = fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
    const group = fc
      .tuple(fc.array(sequence, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '*', '?', '{2}'))
      .map(([options, repeat]) => `(${options.join('|')})${repeat}`);
    const pattern = fc.array(fc.oneof(sequence, group), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''));
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', '_', '.', '1'), { maxLength: 9 })
      .map((parts) => parts.join(''));
    let hits = 0;
    fc.assert(
      fc.property(pattern, text, (source, subject) => {
        const expected = new RegExp(`^(?:${source})$`).test(subject);
        if (expected) hits++;
        expect(matches(source, subject)).toBe(expected);
      }),
      { numRuns: 3_000, seed: 4 },
    );
    expect(hits).toBeGreaterThan(100);
  });

  test('no pattern hangs: backtracking ones take linear time, all of one file end under one budget', () => {
    const started = performance.now();
    expect(matches('(a+)+(b+)+(a|a)*[^z]+!', 'ab'.repeat(200))).toBe(false);
    const json = {
      ...adapterConfigJson({ repo: 'me/base', revision: null }, 4, 8),
      target_modules: `(?:(?:.*a?){40}){20}x`,
    };
    const { isTarget } = parseAdapterConfig(json);
    const all = () => {
      for (let layer = 0; layer < 1_000; layer++)
        isTarget(`model.layers.${layer}.mlp.up_proj`, { linear: true, head: false });
    };
    expect(all).toThrow(expect.objectContaining({ code: 'ADAPTER_UNSUPPORTED', details: { key: 'target_modules' } }));
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('which modules, with what factor', () => {
  const parse = (change: object) =>
    parseAdapterConfig({ ...adapterConfigJson({ repo: 'me/base', revision: null }, 4, 8), ...change });
  const linear = { linear: true, head: false };
  const reached = (change: object, module: string) => parse(change).isTarget(module, linear);

  test('names match a whole path or its end after a dot', () => {
    expect(reached({ target_modules: ['q_proj'] }, Q)).toBe(true);
    expect(reached({ target_modules: ['proj'] }, Q)).toBe(false);
    expect(reached({ target_modules: [Q] }, Q)).toBe(true);
    expect(reached({ target_modules: ['self_attn.q_proj'] }, Q)).toBe(true);
  });

  test('"all-linear" is every linear module but the head', () => {
    const { isTarget } = parse({ target_modules: 'All-Linear' });
    expect(isTarget(Q, linear)).toBe(true);
    expect(isTarget('lm_head', { linear: true, head: true })).toBe(false);
    expect(isTarget('model.embed_tokens', { linear: false, head: false })).toBe(false);
  });

  test('excluded and saved modules carry no pair', () => {
    expect(reached({ target_modules: ['q_proj'], exclude_modules: ['11.self_attn.q_proj'] }, Q)).toBe(false);
    expect(reached({ target_modules: ['q_proj'], exclude_modules: '.*self_attn.*' }, Q)).toBe(false);
    expect(reached({ target_modules: ['q_proj'], modules_to_save: ['self_attn'] }, Q)).toBe(false);
    expect(reached({ target_modules: ['q_proj'], modules_to_save: ['attn'] }, Q)).toBe(true);
  });

  test('layers are chosen by the first number of the path; a whole path needs no layer', () => {
    const layers = (change: object) => reached({ target_modules: ['q_proj'], ...change }, Q);
    expect(layers({ layers_to_transform: 11 })).toBe(true);
    expect(layers({ layers_to_transform: [1] })).toBe(false);
    expect(layers({ layers_to_transform: [] })).toBe(true);
    expect(layers({ layers_to_transform: [11], layers_pattern: ['h', 'layers'] })).toBe(true);
    expect(layers({ layers_to_transform: [11], layers_pattern: 'blocks' })).toBe(false);
    expect(layers({ layers_to_transform: [1], target_modules: [Q] })).toBe(true);
  });

  test('the first key that matches gives rank and alpha; rslora divides by the root of the rank', () => {
    const change = { rank_pattern: { 'layers.11.*': 16, q_proj: 2 }, alpha_pattern: { 'proj|q_proj': 32 } };
    expect(parse(change).pairOf(Q)).toEqual({ rank: 16, scaling: 2 });
    expect(parse({ ...change, use_rslora: true }).pairOf(Q)).toEqual({ rank: 16, scaling: 8 });
    expect(parse(change).pairOf('model.layers.3.self_attn.q_proj')).toEqual({ rank: 2, scaling: 16 });
    expect(parse(change).pairOf('model.layers.3.self_attn.k_proj')).toEqual({ rank: 4, scaling: 2 });
  });
});
