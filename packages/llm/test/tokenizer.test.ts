import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadTokenizer } from '../src/index.ts';
import { tokenizerJson, trainBpe } from '../src/train/bpe-trainer.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tokenizer-'));
});
afterEach(() => rm(dir, { recursive: true }));

const SPECIALS = ['<s>', '</s>'];
const TEXTS = ['the cat sat on the mat', 'the dog sat on the cat'];

async function write(tokenizer: object, config?: object, model?: object) {
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(tokenizer));
  if (config) await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify(config));
  if (model) await writeFile(join(dir, 'config.json'), JSON.stringify(model));
}
const tiny = () => tokenizerJson(trainBpe(TEXTS, 270), SPECIALS) as Record<string, unknown>;
/** Llama 3's way of putting a token before the text. */
const withBosTemplate = () => ({
  ...tiny(),
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
  },
});

test('encodes without special tokens and decodes to the same text', async () => {
  await write(withBosTemplate(), { eos_token: '</s>' });
  const tokenizer = await loadTokenizer(dir);
  for (const text of ['the cat', ' Hello , world !', 'naïve café 👩‍👩‍👧 12', 'a\n\n\tb  c', '']) {
    const ids = tokenizer.encode(text);
    expect(ids).not.toContain(0);
    expect(tokenizer.decode(ids)).toBe(text);
  }
  expect(tokenizer.encode('the cat').length).toBeLessThan(7);
  expect(tokenizer.vocabularySize).toBe(SPECIALS.length + trainBpe(TEXTS, 270).tokens.length);
});

describe('special ids', () => {
  test('the end token by name, as text or as AddedToken', async () => {
    await write(tiny(), { eos_token: { __type: 'AddedToken', content: '</s>' } });
    expect(await loadTokenizer(dir)).toMatchObject({ eosId: 1, bosId: null });
  });
  test('the end token from config.json where the tokenizer names none', async () => {
    await write(tiny(), { eos_token: null }, { eos_token_id: [7, 8] });
    expect(await loadTokenizer(dir)).toMatchObject({ eosId: 7 });
  });
  test('a start token that the post-processor adds', async () => {
    await write(withBosTemplate(), { eos_token: '</s>', bos_token: '<s>' });
    expect(await loadTokenizer(dir)).toMatchObject({ bosId: 0 });
  });
  test('a start token that is only named is not added', async () => {
    await write(tiny(), { eos_token: '</s>', bos_token: '<s>' });
    expect(await loadTokenizer(dir)).toMatchObject({ bosId: null });
  });
  test.each([
    [true, 0],
    [false, null],
  ])('add_bos_token %s decides', async (add, bosId) => {
    await write(add ? tiny() : withBosTemplate(), { eos_token: '</s>', bos_token: '<s>', add_bos_token: add });
    expect(await loadTokenizer(dir)).toMatchObject({ bosId });
  });
});

test('unusable files are refused by name', async () => {
  await expect(loadTokenizer(dir)).rejects.toMatchObject({ code: 'FILE_MISSING' });
  await write(tiny());
  await expect(loadTokenizer(dir)).rejects.toMatchObject({ code: 'TOKENIZER_INVALID', message: /end token/ });
  await write(tiny(), { eos_token: '<none>' });
  await expect(loadTokenizer(dir)).rejects.toMatchObject({ code: 'TOKENIZER_INVALID', message: /<none>/ });
  await write({ version: '1.0' }, { eos_token: '</s>' });
  await expect(loadTokenizer(dir)).rejects.toMatchObject({ code: 'TOKENIZER_INVALID' });
});
