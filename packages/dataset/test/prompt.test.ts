import type { DatasetType } from '@tuning/protocol';
import { describe, expect, it } from 'vitest';
import { renderRow, requireColumns } from '../src/index.ts';
import { pythonText } from '../src/prompt/python-text.ts';

const SPEC: DatasetType = {
  system_prompt: 'you are helpful',
  system_format: '{system}',
  field_system: 'text',
  field_instruction: 'instruction',
  field_input: 'input',
  field_output: 'output',
};
const ADD = { instruction: 'Add.', input: '1 2', output: '3' };

describe('custom type', () => {
  it.each([
    ['system column', { ...ADD, text: 'SYS?' }, SPEC, 'SYS?Add. 1 2 '],
    ['no input', { instruction: 'Hi.', input: '', output: '3', text: 'SYS?' }, SPEC, 'SYS?Hi. '],
    ['no system column: system_prompt stands in', ADD, SPEC, 'you are helpfulAdd. 1 2 '],
    ['an empty system column gives no system text', { ...ADD, text: '' }, SPEC, 'Add. 1 2 '],
    ['a null system column gives no system text', { ...ADD, text: null }, SPEC, 'Add. 1 2 '],
    ['a blank input is an input', { ...ADD, input: ' ' }, {}, 'Add.   '],
    ['a null instruction prints as None', { ...ADD, instruction: null }, {}, 'None 1 2 '],
    ['no input column', { instruction: 'Hi.', output: '3' }, {}, 'Hi. '],
    [
      'own formats without trailing space',
      ADD,
      { ...SPEC, format: '{instruction} {input}', no_input_format: '{instruction}' },
      'you are helpfulAdd. 1 2',
    ],
    [
      'chat-like formats',
      ADD,
      { ...SPEC, format: '[INST] {instruction} {input} [/INST]', system_format: '<<{system}>>\n' },
      '<<you are helpful>>\n[INST] Add. 1 2 [/INST]',
    ],
    ['escaped braces', ADD, { format: '{{{instruction}}} {{}} {input}' }, '{Add.} {} 1 2'],
    ['braces in values are text', { ...ADD, instruction: '{input} {{' }, {}, '{input} {{ 1 2 '],
    ['an empty system format gives no system text', ADD, { ...SPEC, system_format: '' }, 'Add. 1 2 '],
    ['null keys mean the default', ADD, { format: null, field_input: null }, 'Add. 1 2 '],
  ] as [string, Record<string, unknown>, DatasetType, string][])('%s', (_, row, type, prompt) => {
    expect(renderRow(row, type)).toEqual({ prompt, response: '3' });
  });

  it.each([
    ['{instruction} {question}', '{question}'],
    ['{instruction!r}', '{instruction!r}'],
    ['{}', '{}'],
    ['{instruction', 'lone "{"'],
    ['instruction}', 'lone "}"'],
  ])('refuses the format %s at the door', (format, named) => {
    const door = () => requireColumns(['instruction', 'output'], { format });
    expect(door).toThrow(expect.objectContaining({ code: 'DATASET_TYPE_INVALID' }));
    expect(door).toThrow(named);
  });

  it('refuses {input} where there is no input', () => {
    expect(() => renderRow(ADD, { no_input_format: '{instruction}{input}' })).toThrow(/no_input_format.*\{input\}/);
  });

  it('takes an output that is missing, null or empty as an empty response', () => {
    for (const row of [{ instruction: 'a' }, { instruction: 'a', output: null }, { instruction: 'a', output: '' }]) {
      expect(renderRow(row, {}).response, JSON.stringify(row)).toBe('');
    }
  });
});

describe('named types', () => {
  const withInput =
    'Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n';
  const noInput =
    'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Response:\n';

  it.each(['instruct', 'alpaca'] as const)('%s is alpaca', (type) => {
    expect(renderRow(ADD, type)).toEqual({ prompt: withInput, response: '3' });
    expect(renderRow({ ...ADD, input: '' }, type)).toEqual({ prompt: noInput, response: '3' });
    expect(renderRow({ instruction: 'Add.', output: '3' }, type)).toEqual({ prompt: noInput, response: '3' });
  });

  it.each(['pretrain', 'completion'] as const)('%s reads the column text', (type) => {
    expect(renderRow({ text: 'a story' }, type)).toEqual({ prompt: '', response: 'a story' });
  });

  it('names the column that is missing and those there are', () => {
    expect(() => requireColumns(['question', 'output'], 'instruct')).toThrow(
      expect.objectContaining({
        code: 'DATASET_MISSING_COLUMN',
        message: 'the dataset has no column "instruction", which the dataset type reads; it has "question", "output"',
      }),
    );
    expect(() => requireColumns(['instruction'], 'alpaca')).toThrow(/no column "output"/);
    expect(() => requireColumns(['instruction'], 'completion')).toThrow(/no column "text"/);
    expect(() => requireColumns(['q'], { field_instruction: 'q', field_output: 'a' })).toThrow(/no column "a"/);
    expect(() => renderRow({ output: 'x' }, 'instruct')).toThrow(
      expect.objectContaining({ code: 'DATASET_MISSING_COLUMN' }),
    );
  });

  it("needs neither the input column nor the spec example's system column", () => {
    expect(() => requireColumns(['instruction', 'output'], 'instruct')).not.toThrow();
    expect(() => requireColumns(['instruction', 'input', 'output'], SPEC)).not.toThrow();
  });

  it('does not take members of Object for columns', () => {
    expect(() => renderRow({ output: 'x' }, { field_instruction: 'toString' })).toThrow(/no column "toString"/);
  });
});

it('prints values as Python does', () => {
  // Expected texts are those of CPython 3.11's str().
  const cases: [unknown, string][] = [
    [null, 'None'],
    [true, 'True'],
    [5, '5'],
    [0.5, '0.5'],
    [0.00001, '1e-05'],
    [1e22, '1e+22'],
    [['a', 1, null], "['a', 1, None]"],
    [{ a: "it's" }, `{'a': "it's"}`],
    [[`'"\\\n`], `['\\'"\\\\\\n']`],
  ];
  for (const [value, text] of cases) expect(pythonText(value), JSON.stringify(value)).toBe(text);
});
