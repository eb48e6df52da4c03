import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type ModelTokenizer } from '../src/index.ts';

/** Ids of `tokenizers` (Python) and the tokenizers themselves: make_tokenizers.py says what they are. */
const VECTORS = new URL('./vectors/tokenizers/', import.meta.url);
const ROWS = new URL('../../devnet/assets/wordnet-qa/data/train.jsonl', import.meta.url);

interface Vector {
  texts: number[][];
  withSpecials: number[];
  decoded: Record<string, string>;
  generated: string[];
  rows: string;
}

/** Family, its end token, and the token that it puts before a text. */
const FAMILIES: [string, string, string | null][] = [
  ['gpt2', '<|endoftext|>', null],
  ['smollm2', '<|im_end|>', null],
  ['llama3', '<|end_of_text|>', '<|begin_of_text|>'],
  ['qwen', '<|endoftext|>', null],
  ['tinyllama', '</s>', '<s>'],
  ['mistral', '</s>', '<s>'],
  ['phi3', '<|endoftext|>', '<s>'],
  ['gemma', '<eos>', '<bos>'],
];

const read = async (name: string) => JSON.parse(await readFile(new URL(name, VECTORS), 'utf8'));
let texts: string[];
let vectors: Record<string, Vector>;
let rows: string[];
let dir: string;
beforeAll(async () => {
  texts = await read('texts.json');
  vectors = await read('vectors.json');
  const lines = (await readFile(ROWS, 'utf8')).trim().split('\n');
  rows = lines
    .flatMap((line) => Object.values(JSON.parse(line) as Record<string, string>))
    .filter((_, i) => i % 4 === 0);
  dir = await mkdtemp(join(tmpdir(), 'families-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe.each(FAMILIES)('%s: the ids of Python', (name, eos, bos) => {
  let tokenizer: ModelTokenizer;
  let expected: Vector;
  beforeAll(async () => {
    await cp(fileURLToPath(new URL(`${name}.json`, VECTORS)), join(dir, 'tokenizer.json'));
    await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ eos_token: eos, bos_token: bos }));
    tokenizer = await loadTokenizer(dir);
    expected = vectors[name]!;
  });

  test('of texts in many scripts, of code, of special tokens and long runs; and the texts decoded', () => {
    for (const [index, text] of texts.entries()) {
      const ids = tokenizer.encode(text);
      expect(ids, `text ${index}`).toEqual(expected.texts[index]);
      expect(tokenizer.decode(ids), `text ${index}`).toBe(expected.decoded[index] ?? text);
    }
  });

  test('of a thousand texts of mixed scripts and control characters', () => {
    for (const [index, group] of generatedTexts().entries()) {
      expect(digest(tokenizer, group), `group ${index}`).toBe(expected.generated[index]);
    }
  });

  test('of every fourth text of the WordNet rows', () => {
    expect(rows.length).toBeGreaterThan(3_000);
    expect(digest(tokenizer, rows)).toBe(expected.rows);
  });

  test('with the start token that it adds', () => {
    const plain = tokenizer.encode('Hello there');
    expect(tokenizer.bosId === null ? plain : [tokenizer.bosId, ...plain]).toEqual(expected.withSpecials);
    expect(tokenizer.bosId === null).toBe(bos === null);
  });
});

/** Real tokenizers, too large and not ours to commit: a folder of folders, `ids.json` made by make_tokenizers.py --of. */
const REAL = process.env['TUNING_TOKENIZERS'];
describe.skipIf(REAL === undefined)('real tokenizers of TUNING_TOKENIZERS', () => {
  test.each(REAL === undefined ? [] : readdirSync(REAL))(
    '%s: the ids of Python',
    async (name) => {
      const tokenizer = await loadTokenizer(join(REAL!, name));
      const expected: Vector = JSON.parse(await readFile(join(REAL!, name, 'ids.json'), 'utf8'));
      expect(texts.map((text) => tokenizer.encode(text))).toEqual(expected.texts);
      expect(texts.map((text) => tokenizer.decode(tokenizer.encode(text)))).toEqual(
        texts.map((text, index) => expected.decoded[index] ?? text),
      );
      expect(generatedTexts().map((group) => digest(tokenizer, group))).toEqual(expected.generated);
      expect(digest(tokenizer, rows)).toBe(expected.rows);
    },
    120_000,
  );
});

test.each([
  ['Unigram', { model: { type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0]] } }],
  ['WordPiece', { model: { type: 'WordPiece', vocab: { '[UNK]': 0 }, unk_token: '[UNK]' } }],
  ['end_of_word_suffix', { model: { type: 'BPE', vocab: { a: 0 }, merges: [], end_of_word_suffix: '</w>' } }],
  ['BertNormalizer', { normalizer: { type: 'Sequence', normalizers: [{ type: 'BertNormalizer' }] } }],
  ['add_prefix_space', { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true } }],
  ['Punctuation', { pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Punctuation' }] } }],
])('what was not held against Python is refused by name: %s', async (name, change) => {
  const gpt2 = await read('gpt2.json');
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify({ ...gpt2, ...change }));
  await expect(loadTokenizer(dir)).rejects.toMatchObject({
    code: 'TOKENIZER_INVALID',
    message: expect.stringContaining(name),
  });
});

/** sha256 over the ids of all texts as little-endian u32, each text ended by 0xffffffff. */
function digest(tokenizer: ModelTokenizer, of: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of of) hash.update(new Uint8Array(Uint32Array.of(...tokenizer.encode(text), 0xffffffff).buffer));
  return hash.digest('hex');
}

/** Code points that the generated texts are drawn from, first and last of each range; as in make_tokenizers.py. */
const RANGES: readonly [number, number][] = [
  [0x20, 0x7e],
  [0x20, 0x7e],
  [0x61, 0x7a],
  [0x61, 0x7a],
  [0x30, 0x39],
  [0xa0, 0x17f],
  [0x300, 0x36f],
  [0x370, 0x3ff],
  [0x400, 0x45f],
  [0x5d0, 0x5ea],
  [0x620, 0x655],
  [0x905, 0x94d],
  [0xe01, 0xe3a],
  [0x1100, 0x1112],
  [0x2000, 0x2064],
  [0x2190, 0x21ff],
  [0x3041, 0x30fe],
  [0x4e00, 0x4eff],
  [0xac00, 0xac60],
  [0xfe00, 0xfe0f],
  [0xff01, 0xff5e],
  [0x1f300, 0x1f64f],
  [0x1f3fb, 0x1f3ff],
  [0x0, 0x1f],
  [0x7f, 0x9f],
  [0xe000, 0xe010],
];

/** 20 groups of 50 texts by the generator of make_tokenizers.py. */
function generatedTexts(): string[][] {
  let state = 20_241_008;
  const below = (bound: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state * bound) / 2 ** 32);
  };
  const text = () => {
    let out = '';
    for (let words = 1 + below(6); words > 0; words--) {
      const [low, high] = RANGES[below(RANGES.length)]!;
      for (let characters = 1 + below(8); characters > 0; characters--)
        out += String.fromCodePoint(low + below(high - low + 1));
      if (below(2) === 1) out += ' ';
    }
    return out;
  };
  return Array.from({ length: 20 }, () => Array.from({ length: 50 }, text));
}
