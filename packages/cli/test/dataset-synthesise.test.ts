import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FakeOpenAiServer } from '../../dataset/test/fake-openai-server.ts';
import { tuningDataset } from './dataset-command.ts';

const KEY = 'sk-cli-very-secret';
let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dataset-'));
  file = join(folder, 'rows.jsonl');
  const rows = Array.from({ length: 60 }, (_, i) => ({
    instruction: `What does "word${i}" mean?`,
    input: 'noun',
    output: `a large tree${i} or house${i} with roof${i}, wall${i}, door${i} and garden${i}`,
  }));
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const synthesise = (...flags: string[]) => tuningDataset('synthesise', file, '--type', 'instruct', ...flags);

describe('tuning dataset synthesise', () => {
  it('prints counts and figures, and writes rows only where it is told to', async () => {
    const text = await synthesise('--count', '10', '--seed', '01'.repeat(32));
    expect(text).toMatch(/^synthetic {5}10 of 10 asked, 0 of them filled in by augment$/m);
    expect(text).not.toMatch(/tree\d|word\d/);
    const out = join(folder, 'out.jsonl');
    const json = await synthesise('--count', '10', '--seed', '01'.repeat(32), '--out', out, '--json');
    expect(JSON.parse(json)).toMatchObject({
      seed: '01'.repeat(32),
      rows: { dataset: 60 },
      account: { generator: 'augment', accepted: 10 },
      quality: { rows: 10, novelty: { test: { exact: 0 } } },
    });
    expect((await readFile(out, 'utf8')).trim().split('\n')).toHaveLength(10);
  });

  it('has a language model write, with the key of the environment and prices', async () => {
    let serial = 0;
    const fresh = () => ({
      instruction: `What does "new${++serial}" mean?`,
      input: 'verb',
      output: `to go${serial} by boat${serial}`,
    });
    const server = await FakeOpenAiServer.start(() => ({ rows: [fresh(), fresh()] }));
    vi.stubEnv('MY_MODEL_KEY', KEY);
    try {
      const flags = [
        '--generator',
        'llm',
        '--endpoint',
        server.endpoint,
        '--model',
        'm',
        '--api-key-env',
        'MY_MODEL_KEY',
      ];
      const text = await synthesise(...flags, '--count', '6', '--prompt-price', '1', '--completion-price', '2');
      expect(text).toMatch(/^generator {5}llm \(m\)$/m);
      expect(text).toMatch(/^synthetic {5}6 of 6 asked, 0 of them/m);
      expect(text).toMatch(/^requests {6}\d+ in [\d.]+ s, \d+ \+ \d+ tokens, [\d.]+ USD$/m);
      expect(server.asked[0]?.authorization).toBe(`Bearer ${KEY}`);
      expect(text).not.toContain(KEY);
    } finally {
      vi.unstubAllEnvs();
      await server.stop();
    }
  });

  it.each([
    ['LLM_KEY_MISSING', ['--generator', 'llm', '--endpoint', 'https://api.example.com/v1', '--model', 'm']],
    ['FLAG_INVALID', ['--generator', 'llm', '--model', 'm']],
    ['FLAG_INVALID', ['--generator', 'oracle']],
    ['FLAG_INVALID', ['--parallel', 'many']],
    ['FLAG_INVALID', ['--seed', '12']],
    ['FLAG_INVALID', ['--count', '0']],
    ['DATASET_MISSING_COLUMN', ['--type', 'completion']],
  ])('ends with exit code 78 and one line: %s %s', async (code, flags) => {
    const failed = await synthesise(...flags).catch((error: unknown) => error as Error);
    expect(failed).toMatchObject({ name: 'OperatorError', code });
    expect((failed as Error).message).not.toContain('\n');
  });
});
