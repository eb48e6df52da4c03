import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Row, tokenise } from '@tuning/dataset';
import { loadTokenizerFor } from '@tuning/llm';
import { type ChatDatasetType, IGNORED_LABEL } from '@tuning/protocol';
import { expect, test } from 'vitest';

/** What real Axolotl makes of conversations; record-axolotl-chat.py beside it says how it was recorded. */
const VECTORS = new URL('../../dataset/test/vectors/axolotl-chat.json', import.meta.url);
const TOKENIZERS = new URL('../../llm/test/vectors/tokenizers/', import.meta.url);

/** Start of the ids' digest; lengths of masked and trained stretches by turns; whether Axolotl's length filter keeps it. */
type Recorded = [digest: string, runs: number[], kept: boolean];

interface Case {
  name: string;
  type: ChatDatasetType;
  template: string;
  tokenizer: string;
  bos: string;
  eos: string;
  trimOffsets?: boolean;
  trainOnInputs?: boolean;
  sequenceLen: number;
  rows: number;
  /** Ids of the first rows. */
  golden: (number[] | null)[];
  /** null: Axolotl fails on the row. */
  expected: (Recorded | null)[];
}

const {
  rows: rowSets,
  cases,
  templates,
} = JSON.parse(await readFile(VECTORS, 'utf8')) as {
  rows: Row[][];
  cases: Case[];
  templates: Record<string, string>;
};

test.each(cases.map((one) => [one.name, one] as const))('ids and masks equal Axolotl’s: %s', async (_name, one) => {
  const tokenizer = await tokenizerOf(one);
  const { type, sequenceLen, trainOnInputs = false, expected, golden } = one;
  const rows = rowSets[one.rows]!;
  expect(expected).toHaveLength(rows.length);
  const different: unknown[] = [];
  for (const [at, row] of rows.entries()) {
    const { rows: sequences, dropped } = tokenise([row], type, tokenizer, sequenceLen, { trainOnInputs });
    const [ours] = sequences;
    const theirs = trainable(expected[at]!);
    const found = ours && [digestOf(ours.ids), runsOf(ours.labels)];
    if (JSON.stringify(found) !== JSON.stringify(theirs)) different.push({ at, row, found, theirs, dropped });
    if (ours && at < golden.length && golden[at]!.join() !== ours.ids.join()) different.push({ at, row });
    // What is left out is counted, once.
    expect(Object.values(dropped)).toEqual(ours ? [] : [1]);
  }
  expect(different).toEqual([]);
});

test('the recorded rows reach every rule', () => {
  expect(cases.every(({ expected }) => expected.length >= 200)).toBe(true);
  const all = cases.flatMap(({ expected }) => expected);
  expect(all.filter((one) => one === null).length).toBeGreaterThan(50);
  const sequences = all.filter((one) => one !== null);
  expect(sequences.filter(([, , kept]) => !kept).length).toBeGreaterThan(20);
  expect(sequences.filter(([, runs, kept]) => kept && runs.length === 1).length).toBeGreaterThan(20);
  expect(sequences.filter(([, runs, kept]) => kept && runs.length > 4).length).toBeGreaterThan(200);
});

/** A sequence that passes Axolotl's length filter and has a trained token. */
function trainable(recorded: Recorded | null): [string, number[]] | undefined {
  if (recorded === null) return undefined;
  const [digest, runs, kept] = recorded;
  return kept && runs.length > 1 ? [digest, runs] : undefined;
}

function digestOf(ids: Int32Array): string {
  return createHash('sha256').update(ids.join(',')).digest('hex').slice(0, 16);
}

function runsOf(labels: Int32Array): number[] {
  const runs = [0];
  let masked = true;
  for (const label of labels) {
    if ((label === IGNORED_LABEL) !== masked) {
      masked = !masked;
      runs.push(0);
    }
    runs[runs.length - 1]! += 1;
  }
  return runs;
}

async function tokenizerOf({ type, template, tokenizer: family, bos, eos, trimOffsets }: Case) {
  const dir = await mkdtemp(join(tmpdir(), 'tuning-chat-tokens-'));
  try {
    const parts = JSON.parse(await readFile(new URL(`${family}.json`, TOKENIZERS), 'utf8'));
    if (trimOffsets)
      parts.post_processor = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
    await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(parts));
    const config = { bos_token: bos, eos_token: eos, chat_template: templates[template] };
    await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify(config));
    return await loadTokenizerFor(type, dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
