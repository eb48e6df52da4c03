import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Row, readDataset, requireColumns, sealSplit, toJsonLines, tokenise, verifySplit } from '@tuning/dataset';
import { loadTokenizerFor, measureRows } from '@tuning/llm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCpuTrainer } from '../src/cpu-trainer-job.ts';
import { loadRecipe, recipeYaml } from '../src/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BASE = join(ROOT, 'packages/devnet/assets/tiny-llama');
const QUESTIONS = join(ROOT, 'packages/devnet/assets/wordnet-qa/data/train.jsonl');
const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}";
const SEED = new Uint8Array(32).fill(5);

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'chat-training-'));
  await mkdir(join(dir, 'data'));
  // The devnet's base as an instruct model: a template, and the end of a turn as its end token.
  await cp(BASE, join(dir, 'model'), { recursive: true });
  const config = JSON.parse(await readFile(join(BASE, 'tokenizer_config.json'), 'utf8'));
  const chatty = { ...config, eos_token: '<|im_end|>', chat_template: CHATML };
  await writeFile(join(dir, 'model/tokenizer_config.json'), JSON.stringify(chatty));
});
afterAll(() => rm(dir, { recursive: true }));

/** The demo's questions and answers as ShareGPT conversations, read back from the file that a customer would bring. */
async function conversations(): Promise<Row[]> {
  const { rows } = await readDataset({ path: QUESTIONS, format: 'json' });
  const talks = rows.slice(0, 600).map(({ instruction, input, output }) => ({
    conversations: [
      { from: 'human', value: input === '' ? instruction : `${instruction} (${input})` },
      { from: 'gpt', value: output },
    ],
  }));
  const file = join(dir, 'order.jsonl');
  await writeFile(file, toJsonLines(talks));
  const read = await readDataset({ path: file, format: 'json' });
  requireColumns(read.columns, 'sharegpt');
  return read.rows;
}

it('conversations are split and sealed, trained on and measured: the answers get likelier', async () => {
  const rows = await conversations();
  const args = { rows, type: 'sharegpt' as const, seed: SEED, syntheticCount: 30 };
  const sealed = await sealSplit(args);
  expect(await verifySplit({ ...args, seal: sealed.seal })).toEqual({ ok: true, problems: [] });
  expect(sealed.synthetic).toHaveLength(30);

  await writeFile(join(dir, 'data/train.jsonl'), toJsonLines(sealed.train));
  const lora = { adapter: 'lora', lora_r: 8, lora_alpha: 16, lora_dropout: 0, learning_rate: 5e-3, warmup_steps: 4 };
  const task = {
    datasetType: 'sharegpt' as const,
    sequenceLen: 96,
    seed: 3,
    baseRepo: 'demo/tiny-llama',
    baseRevision: 'c'.repeat(40),
  };
  const overrides = { ...lora, max_steps: 20 };
  await writeFile(
    join(dir, 'recipe.yml'),
    recipeYaml(loadRecipe({ baseFile: join(ROOT, 'configs/base.yml'), overrides, task })),
  );
  const lines: string[] = [];
  const done = await runCpuTrainer({ dir, threads: 1, shouldStop: () => false, print: (line) => lines.push(line) });
  expect(done, lines.join('\n')).toBe(true);

  const baseDir = join(dir, 'model');
  const tokenizer = await loadTokenizerFor('sharegpt', baseDir);
  const adapter = { kind: 'adapter' as const, baseDir, dir: join(dir, 'out/model') };
  for (const set of [sealed.test, sealed.synthetic]) {
    const tokens = tokenise(set, 'sharegpt', tokenizer, 96);
    expect(tokens.dropped).toEqual({});
    const base = await measureRows({ baseDir, weights: { kind: 'full', dir: baseDir }, rows: tokens.rows });
    const tuned = await measureRows({ baseDir, weights: adapter, rows: tokens.rows });
    expect(tuned.summary.loss).toBeLessThan(0.9 * base.summary.loss);
    // The answers and the end of a turn count, nothing else.
    const wanted = set.map(
      (row) => tokenizer.encode((row['conversations'] as { value: string }[])[1]!.value).length + 1,
    );
    expect(base.summary.tokens).toBe(wanted.reduce((sum, count) => sum + count, 0));
  }
}, 90_000);
