import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@tuning/llm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tuningDataset } from './dataset-command.ts';

const BASE = fileURLToPath(new URL('../../devnet/assets/tiny-llama', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lint-'));
});
afterEach(async () => {
  process.exitCode = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function lint(text: string, ...flags: string[]): Promise<string> {
  const file = join(folder, 'rows.csv');
  await writeFile(file, text);
  return tuningDataset('lint', file, ...flags);
}

describe('tuning dataset lint', () => {
  it('prints findings as a table and as JSON, with exit 1 for an error and no text of a row', async () => {
    const rows = 'instruction,output\nsay a long answer please,a long answer please\nWho?,jane@mail.example\n';
    const table = await lint(rows, '--type', 'instruct');
    expect(table).toMatch(/^2 rows, 2 of them no copy/);
    expect(table).toMatch(/^error +answer_in_prompt +1 +1 +kept +the prompt holds the answer/m);
    expect(table).toMatch(/^warning +personal_email +1 +2 /m);
    expect(table).not.toContain('jane');
    expect(process.exitCode).toBe(1);
    const json = JSON.parse(await lint(rows, '--type', 'instruct', '--json'));
    expect(json.findings.map(({ code }: { code: string }) => code)).toEqual(['answer_in_prompt', 'personal_email']);
  });

  it('ends with 0 where nothing is an error', async () => {
    expect(await lint('text\na quiet row\n', '--type', 'completion')).toMatch(/nothing found/);
    await lint('text\nwrite to jane@mail.example\n', '--type', 'completion');
    expect(process.exitCode).toBeUndefined();
  });

  it('shows rows as the base reads them, masked and trained tokens apart, and counts all of them', async () => {
    const rows = 'instruction,output\nSay hi.,Hello\nAnd now?,Good bye\nempty,\n';
    const flags = ['--type', '{"format":"Q: {instruction}\\nA: "}', '--base', BASE, '--preview', '1'];
    const json = JSON.parse(await lint(rows, ...flags, '--json'));
    const tokenizer = await loadTokenizer(BASE);
    const answers = ['Hello', 'Good bye'].map((text) => tokenizer.encode(text).length + 1);
    expect(json.preview).toMatchObject({
      kept: 2,
      dropped: { no_trainable_tokens: 1 },
      trainedTokens: answers.reduce((sum, tokens) => sum + tokens, 0),
    });
    expect(json.preview.sequences).toEqual([
      {
        row: 1,
        parts: [
          { text: 'Say hi. ', tokens: tokenizer.encode('Say hi. ').length, trained: false },
          { text: 'Hello<|endoftext|>', tokens: answers[0], trained: true },
        ],
      },
    ]);
    const text = await lint(rows, ...flags);
    expect(text).toContain('dropped: 1 no trainable tokens\nmasked «trained»\n');
    expect(text).toContain('Say hi. «Hello<|endoftext|>»\n');
  }, 60_000);

  it('shows conversations by the base’s template, and says where it has none', async () => {
    const base = join(folder, 'base');
    await cp(BASE, base, { recursive: true });
    const flags = ['--type', 'chat', '--base', base];
    const messages = [
      { role: 'user', content: 'Hi\u001b[31m' },
      { role: 'assistant', content: 'Hé, 👋' },
    ];
    const rows = join(folder, 'rows.jsonl');
    await writeFile(rows, `${JSON.stringify({ messages })}\n{"messages":[]}\n`);
    await expect(tuningDataset('lint', rows, ...flags)).rejects.toMatchObject({ code: 'CHAT_TEMPLATE_MISSING' });
    await writeFile(
      join(base, 'chat_template.jinja'),
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}",
    );
    const text = await tuningDataset('lint', rows, ...flags);
    expect(text).toContain('dropped: 1 empty conversation\n');
    expect(text).toContain(
      '<|im_start|>user↵\nHi\\u001b[31m<|im_end|>↵\n<|im_start|>assistant↵\n«Hé, 👋»<|im_end|>↵\n',
    );
  }, 60_000);

  it('says in one line what is wrong with the file or a flag', async () => {
    await expect(lint('a,b\n1,2\n', '--type', 'instruct')).rejects.toMatchObject({ code: 'DATASET_MISSING_COLUMN' });
    await expect(lint('text\na\n', '--type', 'completion', '--sequence-len', '3')).rejects.toMatchObject({
      code: 'FLAG_INVALID',
    });
  });
});
