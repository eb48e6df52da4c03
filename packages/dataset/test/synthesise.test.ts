import type { DatasetType } from '@tuning/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Row, renderRow, rowLine, rowsDigest, synthesise, synthesiseAsync } from '../src/index.ts';
import { SeededRandom } from '../src/split/random.ts';
import { paraphraseInstruction } from '../src/synthetic/instruction-frames.ts';
import { withSynonyms } from '../src/synthetic/synonyms.ts';
import { CONTENT_EDITS, restyle } from '../src/synthetic/text-edits.ts';

const seedOf = (byte: number) => new Uint8Array(32).fill(byte);
const random = () => new SeededRandom(seedOf(5), 'test');
const definition = (word: string, output: string, input = 'noun'): Row => ({
  id: word,
  instruction: `What does "${word}" mean?`,
  input,
  output,
});
const DEFINITIONS = [
  definition('abbey', 'a church associated with a monastery or convent'),
  definition('leek', 'plant having a large slender white bulb and flat overlapping dark green leaves; used in cooking'),
  definition('popularizer', 'someone who makes something attractive to the general public'),
  definition('dim', 'made dim or less bright', 'adjective'),
  definition('zero', 'adjust to zero value', 'verb'),
  definition('hail', 'small pellet of ice (that falls during a hailstorm)'),
  definition('jurist', 'a legal scholar'),
];

const column = (words: string[]) =>
  fc.array(fc.constantFrom(...words), { minLength: 0, maxLength: 8 }).map((w) => w.join(' '));
const words = [
  'a',
  'large',
  'stone',
  'or',
  'tree;',
  'used',
  'often.',
  'It',
  '(rare)',
  'the',
  'and',
  'small',
  'which is',
];
const anyRow = fc.record({
  id: fc.integer(),
  instruction: column(['What', 'does', 'mean?', 'Write', 'List', 'three', 'colours']),
  input: column(['noun', 'verb']),
  output: column(words),
  text: column(words),
});
const anyType = fc.constantFrom<DatasetType>(
  'instruct',
  'completion',
  { field_system: 'text' },
  { format: 'x', no_input_format: 'x' },
  { field_instruction: 'text', field_output: 'input' },
);
const READS: Record<string, string[]> = {
  instruct: ['instruction', 'input', 'output'],
  completion: ['text'],
  '{"field_system":"text"}': ['instruction', 'input', 'output'],
  '{"format":"x","no_input_format":"x"}': ['instruction', 'input', 'output'],
  '{"field_instruction":"text","field_output":"input"}': ['text', 'input'],
};
const readBy = (type: DatasetType) => READS[typeof type === 'string' ? type : JSON.stringify(type)]!;

describe('synthesise', () => {
  it('never copies, never meets a row to avoid, never repeats, leaves other columns alone', () => {
    fc.assert(
      fc.property(
        fc.array(anyRow, { maxLength: 25 }),
        fc.array(anyRow, { maxLength: 10 }),
        anyType,
        fc.integer({ min: 0, max: 60 }),
        (rows, avoid, type, count) => {
          const seed = seedOf(1);
          // The hardest rows to avoid: those that would come out otherwise.
          const tempting = synthesise({ rows, type, seed, count: 5, avoid });
          const all = [...avoid, ...tempting];
          const made = synthesise({ rows, type, seed, count, avoid: all });
          expect(made.length).toBeLessThanOrEqual(count);
          const known = new Set([...rows, ...all].map((row) => JSON.stringify(renderRow(row, type))));
          const others = (row: Row) =>
            rowLine(Object.fromEntries(Object.entries(row).filter(([key]) => !readBy(type).includes(key))));
          const untouched = new Set(rows.map(others));
          for (const row of made) {
            const rendered = JSON.stringify(renderRow(row, type));
            expect(known.has(rendered), rendered).toBe(false);
            known.add(rendered);
            expect(untouched.has(others(row)), rowLine(row)).toBe(true);
            expect(renderRow(row, type).response.trim(), rendered).not.toBe('');
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is replayable and changes with the seed', async () => {
    const args = { rows: DEFINITIONS, type: 'instruct', count: 7 } as const;
    const first = synthesise({ ...args, seed: seedOf(1) });
    expect(synthesise({ ...args, seed: seedOf(1) })).toEqual(first);
    expect((await synthesiseAsync({ ...args, seed: seedOf(1) })).rows).toEqual(first);
    expect(synthesise({ ...args, seed: seedOf(2) })).not.toEqual(first);
  });

  it('is pinned, since revealed seeds must rebuild old synthetic sets', () => {
    const made = synthesise({ rows: DEFINITIONS, type: 'instruct', seed: seedOf(0), count: 20 });
    expect(rowsDigest(made)).toMatchInlineSnapshot(
      `"035278c6ef29eba68c1e6359f6450cdc12110c72d37a241855c741b7abb403bb"`,
    );
    expect(made.slice(0, 4).map(({ instruction, output }) => `${instruction} ${output}`)).toMatchInlineSnapshot(`
      [
        "What does "abbey" mean? a church associated with a convent or monastery",
        "Define "popularizer". one who makes something attractive to the general public",
        "What is the definition of "leek"? plant having a big slender white bulb and flat overlapping dark green leaves; used in cooking",
        "How is "hail" defined? little pellet of ice (that falls during a hailstorm)",
      ]
    `);
  });

  it('states what it could not make', async () => {
    const args = { rows: DEFINITIONS, type: 'instruct', seed: seedOf(1) } as const;
    const enough = await synthesiseAsync({ ...args, count: 10 });
    expect([enough.rows.length, enough.shortfall]).toEqual([10, 0]);
    const short = await synthesiseAsync({ ...args, count: 1000 });
    expect(short.rows.length + short.shortfall).toBe(1000);
    // Five passes, one row each at most.
    expect(short.rows.length).toBeLessThanOrEqual(5 * DEFINITIONS.length);
    expect((await synthesiseAsync({ ...args, rows: [], count: 3 })).shortfall).toBe(3);
    expect(await synthesiseAsync({ ...args, count: 0 })).toEqual({
      rows: [],
      shortfall: 0,
      strategies: {},
      proposed: 0,
      refused: {},
    });
  });

  it('makes the same first rows whatever the count, so that a receipt needs only the count reached', () => {
    const args = { rows: DEFINITIONS, type: 'instruct', seed: seedOf(4) } as const;
    const all = synthesise({ ...args, count: 1000 });
    expect(all.length).toBeGreaterThan(12);
    expect(synthesise({ ...args, count: 12 })).toEqual(all.slice(0, 12));
    expect(synthesise({ ...args, count: all.length })).toEqual(all);
  });

  it('takes no hostile text as a reason to hang', () => {
    const hostile = [
      ' '.repeat(7900),
      'a '.repeat(3900),
      '('.repeat(7900),
      '; '.repeat(3900),
      '. A'.repeat(2600),
      'a or '.repeat(1500),
    ];
    const rows = hostile.map((text) => ({ instruction: `What does ${text}`, output: `x${text}(` }));
    const start = performance.now();
    synthesise({ rows, type: 'instruct', seed: seedOf(1), count: 100 });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('changes the answer before it settles for a changed prompt', () => {
    const outputs = new Set(DEFINITIONS.map((row) => row['output']));
    for (const row of synthesise({ rows: DEFINITIONS, type: 'instruct', seed: seedOf(3), count: 10 })) {
      expect(outputs.has(row['output']), rowLine(row)).toBe(false);
    }
  });

  it('makes nothing of rows that are not text', () => {
    const rows = [{ instruction: 1, output: 2 }, { instruction: 'x' }, { output: 'y' }];
    expect(
      synthesise({ rows, type: { field_output: 'output' }, seed: seedOf(1), count: 5 }).every(
        (row) => row['instruction'] !== 1,
      ),
    ).toBe(true);
  });

  it('is quick on a few thousand rows', () => {
    const rows = Array.from({ length: 4000 }, (_, i) => definition(`w${i}`, `a large thing number ${i} or so`));
    const start = performance.now();
    expect(synthesise({ rows, type: 'instruct', seed: seedOf(1), count: 400 })).toHaveLength(400);
    // Measured 0.1 s; the bound is wide because other work shares the cores.
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe('edits', () => {
  const edit = (name: string, text: string) => CONTENT_EDITS.find(([each]) => each === name)![1](text, random());

  it.each([
    ['swap_conjuncts', 'associated with a monastery or convent', 'associated with a convent or monastery'],
    ['swap_conjuncts', 'an actor or singer', undefined],
    ['swap_clauses', 'urge on; cause to act', 'cause to act; urge on'],
    ['drop_clause', 'urge on; cause to act', 'urge on'],
    ['drop_parenthesis', 'inhale (air, water) deeply', 'inhale deeply'],
    ['drop_parenthesis', 'go (far away from here)', undefined],
    ['swap_sentences', 'It rains. We stay.', 'We stay. It rains.'],
    ['drop_sentence', 'One. Two. Three.', 'One. Two.'],
    ['swap_clauses', 'a = 1; b = 2\nc', undefined],
    ['drop_sentence', '1. One. Two. Three.', undefined],
  ])('%s: %s', (name, text, expected) => {
    expect(edit(name, text)).toBe(expected);
  });

  it('restyles a phrase to a sentence and back', () => {
    expect(restyle('a legal scholar', random())).toBe('A legal scholar.');
    expect(restyle('A legal scholar.', random())).toBe('a legal scholar');
    expect(restyle('42', random())).toBeUndefined();
  });

  it('replaces wordings with articles and capitals in order', () => {
    expect(withSynonyms('Someone who sings', random())).toMatch(/^(A person|One) who sings$/);
    expect(withSynonyms('an important day', random())).toBe('a significant day');
    expect(withSynonyms('quartz', random())).toBeUndefined();
  });

  it('puts an instruction in other words', () => {
    const said = paraphraseInstruction('What does "$& or $1" mean?', random());
    expect(said).toContain('"$& or $1"');
    expect(said).not.toBe('What does "$& or $1" mean?');
    expect(paraphraseInstruction('Write a poem', random())).toBe('Compose a poem');
    expect(paraphraseInstruction('Why is it so?', random())).toMatch(/: Why is it so\?$/);
    expect(paraphraseInstruction('Do it', random())).toMatch(/: Do it$/);
  });
});
