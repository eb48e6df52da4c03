import type { DatasetType } from '@tuning/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Row, tokenise } from '../src/index.ts';
import { FakeTokenizer } from './fake-tokenizer.ts';

const fake = new FakeTokenizer();
const SPEC: DatasetType = { system_prompt: 'you are helpful', field_system: 'text' };
const parts = (row: Row, type: DatasetType, length = 4096) => {
  const { rows, dropped } = tokenise([row], type, fake, length);
  expect(dropped).toEqual({});
  return fake.parts(rows[0]!);
};

describe('golden rows of Axolotl', () => {
  it('custom type', () => {
    const add = { instruction: 'Add.', input: '1 2', output: '3' };
    expect(parts({ ...add, text: 'SYS?' }, SPEC)).toEqual({ masked: '<BOS>SYS?Add. 1 2 ', trained: '3<EOS>' });
    expect(parts({ instruction: 'Hi.', input: '', output: 'Hello', text: 'SYS?' }, SPEC)).toEqual({
      masked: '<BOS>SYS?Hi. ',
      trained: 'Hello<EOS>',
    });
    expect(parts(add, SPEC)).toEqual({ masked: '<BOS>you are helpfulAdd. 1 2 ', trained: '3<EOS>' });
    expect(
      parts(add, {
        ...(SPEC as object),
        format: '[INST] {instruction} {input} [/INST]',
        system_format: '<<{system}>>\n',
      }),
    ).toEqual({ masked: '<BOS><<you are helpful>>\n[INST] Add. 1 2 [/INST]', trained: '3<EOS>' });
  });

  it('cuts completion into chunks: BOS in the first, EOS in the last, all trained', () => {
    const { rows, dropped } = tokenise([{ text: 'abcdefghijklmnopq' }], 'completion', fake, 8);
    expect(rows.map((row) => fake.parts(row))).toEqual([
      { masked: '', trained: '<BOS>abcdefg' },
      { masked: '', trained: 'hijklmno' },
      { masked: '', trained: 'pq<EOS>' },
    ]);
    expect(rows.map((row) => row.row)).toEqual([0, 0, 0]);
    expect(dropped).toEqual({});
  });

  it('drops the lone EOS chunk of a text that fills its chunks', () => {
    const { rows, dropped } = tokenise([{ text: 'abcdefg' }], 'pretrain', fake, 8);
    expect(rows.map((row) => fake.show(row.ids))).toEqual(['<BOS>abcdefg']);
    expect(dropped).toEqual({ too_short: 1 });
  });

  it('reads 64 sequence lengths of a completion row, then no EOS', () => {
    const { rows } = tokenise([{ text: 'x'.repeat(1000) }], 'completion', fake, 2);
    expect(rows).toHaveLength(64);
    expect(fake.show(rows.at(-1)!.ids)).toBe('xx');
  });
});

describe('length rules', () => {
  // Without a prompt, so that only the response counts.
  const bare: DatasetType = { no_input_format: '', format: '' };
  const response = (text: string, length: number) => parts({ instruction: 'i', output: text }, bare, length).trained;

  it('ends a response with EOS only where the length, with its BOS, leaves room', () => {
    expect(response('abcde', 7)).toBe('abcde<EOS>');
    expect(response('abcde', 6)).toBe('abcde');
    expect(response('abcdefghij', 6)).toBe('abcde');
  });

  it('does not double an EOS', () => {
    class EndsWithEos extends FakeTokenizer {
      override encode(text: string): number[] {
        return [...super.encode(text), this.eosId];
      }
    }
    const ends = new EndsWithEos();
    const { rows } = tokenise([{ text: 'ab' }], 'completion', ends, 16);
    expect(ends.show(rows[0]!.ids)).toBe('<BOS>ab<EOS>');
  });

  it('drops rows whose total is too long, empty answers, and rows without a column; counts each', () => {
    const rows = [
      { instruction: 'i', output: 'fits' },
      { instruction: 'i'.repeat(10), output: 'o'.repeat(10) },
      { instruction: 'i', output: '' },
      { instruction: 'i', output: null },
      { output: 'o' },
    ];
    const result = tokenise(rows, {}, fake, 16);
    expect(result.rows.map((row) => row.row)).toEqual([0]);
    expect(result.dropped).toEqual({ over_length: 1, no_trainable_tokens: 2, missing_field: 1 });
  });

  it('counts an empty completion text', () => {
    expect(tokenise([{ text: '' }], 'completion', fake, 16)).toEqual({ rows: [], dropped: { too_short: 1 } });
  });

  it('adds no BOS where the tokenizer has none', () => {
    const { rows } = tokenise([{ instruction: 'i', output: 'o' }], {}, new FakeTokenizer(null), 16);
    expect(fake.parts(rows[0]!)).toEqual({ masked: 'i ', trained: 'o<EOS>' });
  });
});

it('keeps or counts every row, and never exceeds the length', () => {
  const row = fc.record({ instruction: fc.string(), input: fc.string(), output: fc.string() });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), fc.integer({ min: 16, max: 400 }), (rows, length) => {
      const result = tokenise(rows, 'instruct', fake, length);
      const dropped = Object.values(result.dropped).reduce((a, b) => a + b, 0);
      expect(result.rows.length + dropped).toBe(rows.length);
      for (const { ids, labels, row: index } of result.rows) {
        expect(ids.length).toBe(labels.length);
        expect(ids.length).toBeLessThanOrEqual(length);
        expect(labels.at(-1)).not.toBe(-100);
        expect(rows[index]!.output).not.toBe('');
      }
    }),
    { numRuns: 50 },
  );
});
