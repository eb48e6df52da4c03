import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Row, tokenise } from '@tuning/dataset';
import { loadTokenizer } from '@tuning/llm';
import { type DatasetType, IGNORED_LABEL } from '@tuning/protocol';
import { expect, test } from 'vitest';

/** What real Axolotl makes of rows; record-axolotl-tokens.py beside it says how it was recorded. */
const VECTORS = new URL('../../dataset/test/vectors/axolotl-tokens.json', import.meta.url);
const TOKENIZERS = new URL('../../llm/test/vectors/tokenizers/', import.meta.url);

/** Ids; lengths of masked and trained stretches by turns; whether Axolotl's length filter keeps it. */
type Recorded = [ids: number[], runs: number[], kept: boolean];

interface Case {
  type: DatasetType;
  tokenizer: string;
  bos: string;
  eos: string;
  sequenceLen: number;
  rows: number;
  /** null: Axolotl fails on the row. */
  expected: (Recorded[] | null)[];
}

const { rows: rowSets, cases } = JSON.parse(await readFile(VECTORS, 'utf8')) as { rows: Row[][]; cases: Case[] };

test.each(cases.map((one) => [`${JSON.stringify(one.type)} with ${one.tokenizer}`, one] as const))(
  'ids, masks and lengths equal Axolotl’s: %s',
  async (_name, { type, tokenizer: family, bos, eos, sequenceLen, rows: set, expected }) => {
    const tokenizer = await tokenizerOf(family, bos, eos);
    const rows = rowSets[set]!;
    const different: unknown[] = [];
    for (const [at, row] of rows.entries()) {
      const ours = tokenise([row], type, tokenizer, sequenceLen);
      const sequences = ours.rows.map(({ ids, labels }) => ({ ids: [...ids], labels: [...labels] }));
      const theirs = trainable(expected[at] ?? []);
      if (JSON.stringify(sequences) !== JSON.stringify(theirs)) different.push({ at, row, sequences, theirs });
      // What Axolotl leaves out, or fails on, is counted.
      const left = (expected[at]?.length || 1) - theirs.length;
      if (Object.values(ours.dropped).reduce((sum, count) => sum + count, 0) !== left)
        different.push({ at, row, left });
    }
    expect(different).toEqual([]);
    expect(expected).toHaveLength(rows.length);
  },
);

test('the recorded rows reach every rule', () => {
  expect(cases.every(({ type, expected }) => JSON.stringify(type) === '{}' || expected.length >= 200)).toBe(true);
  const recorded = cases.flatMap(({ expected }) => expected.flatMap((sequences) => sequences ?? []));
  const short = (length: number) => recorded.filter(([ids]) => ids.length === length).length;
  expect(recorded.filter(([ids, , kept]) => !kept && ids.length > 1).length).toBeGreaterThan(50);
  expect(recorded.filter(([, runs, kept]) => kept && runs.length === 1).length).toBeGreaterThan(20);
  expect(short(1)).toBeGreaterThan(0);
});

/** Sequences that pass Axolotl's length filter and have a trained token (ours: Axolotl's own filter lets others through). */
function trainable(recorded: Recorded[]) {
  return recorded
    .filter(([, runs, kept]) => kept && runs.length > 1)
    .map(([ids, runs]) => {
      const masked = runs.flatMap((length, turn) => Array.from({ length }, () => turn % 2 === 0));
      return { ids, labels: ids.map((id, at) => (masked[at] ? IGNORED_LABEL : id)) };
    });
}

async function tokenizerOf(family: string, bos: string, eos: string) {
  const dir = await mkdtemp(join(tmpdir(), 'tuning-tokens-'));
  try {
    await cp(fileURLToPath(new URL(`${family}.json`, TOKENIZERS)), join(dir, 'tokenizer.json'));
    await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ bos_token: bos, eos_token: eos }));
    return await loadTokenizer(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
