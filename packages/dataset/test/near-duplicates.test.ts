import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Row, splitRows } from '../src/index.ts';
import { nearDuplicateSteps } from '../src/near-duplicates/near-duplicates.ts';
import { runNow } from '../src/slices.ts';

const groups = (texts: readonly (string | readonly string[])[]) =>
  Array.from(
    runNow(
      nearDuplicateSteps({
        count: texts.length,
        of: (i) => (typeof texts[i] === 'string' ? [texts[i]] : (texts[i] as readonly string[])),
      }),
    ),
  );
/** Deterministic words without frames: every text its own. */
function prose(seed: number, words: number): string[] {
  const bytes = Array.from({ length: Math.ceil(words / 8) }, (_, i) =>
    createHash('sha256').update(`${seed}/${i}`).digest('hex'),
  ).join('');
  return Array.from({ length: words }, (_, i) => `w${bytes.slice(8 * i, 8 * i + 3)}`);
}

describe('near-duplicates', () => {
  it('are texts of the same words, whatever their case, white space, quotes and full stops', () => {
    expect(groups(['The cat sat.', ' the CAT  sat', 'The cat, sat!', 'The dog sat.', 'ÄPFEL', 'äpfel'])).toEqual([
      0, 0, 0, 3, 4, 4,
    ]);
  });

  it('keep sums and code apart, and texts without a word', () => {
    const texts = ['3 + 5', '3 - 5', 'a < b', 'a > b', '?', '!', '', ' '];
    expect(groups(texts)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it.each([24, 60, 300, 5_000])('are found among texts of %i words with one word changed', (length) => {
    const texts = Array.from({ length: 200 }, (_, i) => prose(i, length).join(' '));
    const changed = prose(77, length);
    changed[Math.floor(length / 2)] = 'different';
    const cut = prose(5, length).slice(0, -2).join(' ');
    expect(groups([...texts, changed.join(' '), cut]).slice(-2)).toEqual([77, 5]);
    expect(groups(texts)).toEqual(texts.map((_, i) => i));
  });

  it('are not texts that share a third of their words', () => {
    const mixed = (i: number) => [...prose(1, 20), ...prose(100 + i, 40)].join(' ');
    expect(groups([mixed(0), mixed(1), mixed(2)])).toEqual([0, 1, 2]);
  });

  it('are not made by a frame that many rows share', () => {
    const frame = prose(1, 120).join(' ');
    const texts = Array.from({ length: 400 }, (_, i) => [frame, prose(1000 + i, 12).join(' '), i % 2 ? 'yes' : 'no']);
    expect(groups(texts)).toEqual(texts.map((_, i) => i));
    expect(groups([...texts, [frame, prose(1007, 12).join(' '), 'yes']]).at(-1)).toBe(7);
  });

  it('connect: a group is what a chain of pairs reaches', () => {
    const words = prose(3, 40);
    const step = (changed: number) => words.map((word, i) => (i < changed ? `changed${i}` : word)).join(' ');
    const texts = [0, 4, 8, 12, 16].map(step);
    expect(groups(texts.filter((_, i) => i % 4 === 0))).toEqual([0, 1]);
    expect(
      groups([...texts, ...Array.from({ length: 60 }, (_, i) => prose(50 + i, 40).join(' '))]).slice(0, 5),
    ).toEqual([0, 0, 0, 0, 0]);
  });

  it('work for scripts that are written without spaces', () => {
    const text = '东京是日本的首都也是世界上人口最多的城市之一每年有许多游客来访';
    const other = '北京是中国的首都有很长的历史和许多名胜古迹值得一看';
    const fillers = Array.from({ length: 40 }, (_, i) => prose(i, 12).join(' '));
    expect(groups([text, text.replace('许多', '很多'), other, ...fillers]).slice(0, 3)).toEqual([0, 0, 2]);
  });

  it('are the same groups whoever asks, pinned: old seals depend on them', () => {
    const texts = Array.from({ length: 300 }, (_, i) =>
      prose(i % 7 === 3 ? i - 3 : i, 30)
        .map((word, k) => (i % 7 === 3 && k === i % 30 ? 'x' : word))
        .join(' '),
    );
    expect(groups(texts)).toEqual(groups(texts));
    expect(createHash('sha256').update(groups(texts).join()).digest('hex').slice(0, 16)).toMatchInlineSnapshot(
      `"9bbd7ff986c747e7"`,
    );
    expect(groups(texts).filter((first, i) => first !== i)).toHaveLength(43);
  });

  it('agree with counting shingles in the plain way', () => {
    const word = fc.constantFrom(...'abcdefgh');
    const sets = fc.array(fc.array(word, { minLength: 3, maxLength: 12 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(sets, (lists) => {
        // Rare enough to count as no frame: fillers raise the number of texts.
        const fillers = Array.from({ length: 60 }, (_, i) => prose(i, 12).join(' '));
        const found = groups([...lists.map((list) => list.join(' ')), ...fillers]).slice(0, lists.length);
        expect(found).toEqual(plainGroups(lists));
      }),
      { numRuns: 200 },
    );
  });
});

/** Jaccard of all pairs, then what they connect. */
function plainGroups(lists: readonly string[][]): number[] {
  const sets = lists.map((list) => new Set(list.slice(2).map((_, i) => list.slice(i, i + 3).join(' '))));
  const first = lists.map((_, i) => i);
  const alike = (a: Set<string>, b: Set<string>) => {
    const both = [...a].filter((item) => b.has(item)).length;
    return 10 * both >= 7 * (a.size + b.size - both);
  };
  for (let round = 0; round < lists.length; round++) {
    for (let i = 0; i < lists.length; i++) {
      for (let j = 0; j < i; j++) {
        if (!alike(sets[i]!, sets[j]!)) continue;
        const least = Math.min(first[i]!, first[j]!);
        first[i] = least;
        first[j] = least;
      }
    }
  }
  return first;
}

describe('the split', () => {
  const rows: Row[] = Array.from({ length: 300 }, (_, i) => ({
    id: i,
    instruction: `Question: ${prose(i % 100, 20).join(' ')}?`,
    output: `${prose(1000 + (i % 100), 10).join(' ')}${i < 100 ? '' : i < 200 ? '.' : ' indeed'}`,
  }));
  const sideOf = (row: Row) => Number(row['id']) % 100;

  it('keeps near-duplicates on one side in what the type reads, whatever an id column says', () => {
    for (let i = 0; i < 20; i++) {
      const seed = createHash('sha256').update(String(i)).digest();
      const { train, test } = splitRows(rows, seed, { type: 'instruct' });
      const inTrain = new Set(train.map((index) => sideOf(rows[index]!)));
      expect(test.length).toBe(30);
      expect(test.filter((index) => inTrain.has(sideOf(rows[index]!)))).toEqual([]);
    }
    // What it is for: the old split tears them apart.
    const old = splitRows(rows, new Uint8Array(32), { version: 1 });
    const inTrain = new Set(old.train.map((index) => sideOf(rows[index]!)));
    expect(old.test.some((index) => inTrain.has(sideOf(rows[index]!)))).toBe(true);
  });

  it('refuses a dataset of a few rows in many versions', () => {
    const few = rows.filter((row) => sideOf(row) < 19);
    expect(() => splitRows(few, new Uint8Array(32), { type: 'instruct' })).toThrow(
      expect.objectContaining({
        code: 'DATASET_TOO_SMALL',
        message: expect.stringMatching(/19 rows that are not near/),
      }),
    );
  });
});
