import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tuningDataset } from './dataset-command.ts';

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

  it('says in one line what is wrong with the file or a flag', async () => {
    await expect(lint('a,b\n1,2\n', '--type', 'instruct')).rejects.toMatchObject({ code: 'DATASET_MISSING_COLUMN' });
    await expect(lint('text\na\n', '--type', 'completion', '--sequence-len', '3')).rejects.toMatchObject({
      code: 'FLAG_INVALID',
    });
  });
});
