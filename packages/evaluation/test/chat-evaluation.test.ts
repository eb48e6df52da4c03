import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@tuning/llm';
import { createProcessRunner, type Runner } from '@tuning/runner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runEvaluation } from '../src/index.ts';

const BASE = fileURLToPath(new URL('../../devnet/assets/tiny-llama', import.meta.url));
const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}";

let folder: string;
let runner: Runner;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-chat-test-'));
  runner = await createProcessRunner({ root: join(folder, 'registry') });
  await cp(BASE, join(folder, 'base'), { recursive: true });
});
afterEach(async () => {
  await runner.close();
  await rm(folder, { recursive: true, force: true });
});

/** Measures one conversation with a base that has this template, in a sealed job. */
async function measured(template: string | undefined, wallMs = 30_000) {
  if (template !== undefined) await writeFile(join(folder, 'base', 'chat_template.jinja'), template);
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello there' },
  ];
  const rowsFile = join(folder, 'rows.jsonl');
  await writeFile(rowsFile, `${JSON.stringify({ messages })}\n{"messages":[]}\n`);
  const outcome = await runEvaluation({
    runner,
    root: join(folder, 'jobs'),
    id: 'chat',
    baseDir: join(folder, 'base'),
    submissionDir: undefined,
    sets: [{ name: 'test', rowsFile }],
    datasetType: 'chat',
    sequenceLen: 64,
    limits: { wallMs, memoryBytes: 512 * 1024 ** 2 },
  });
  return outcome.sets['test']!.summary;
}

test('only what the assistant says is measured, with the base’s own template', async () => {
  const summary = await measured(CHATML);
  const tokenizer = await loadTokenizer(BASE);
  // The base's end token is not the one that ends a turn here, so it is not among them, as with Axolotl.
  expect(summary).toMatchObject({
    rowsKept: 1,
    rowsDropped: { empty_conversation: 1 },
    tokens: tokenizer.encode('Hello there').length,
  });
}, 40_000);

test('a base without a template cannot measure conversations, and says so', async () => {
  await expect(measured(undefined)).rejects.toMatchObject({ code: 'CHAT_TEMPLATE_MISSING', name: 'BadInputError' });
}, 40_000);

test('a template that never ends is stopped at the job’s limit', async () => {
  const forever = '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}';
  const started = performance.now();
  await expect(measured(forever, 5_000)).rejects.toMatchObject({ code: 'EVALUATION_FAILED', message: /timeout/ });
  expect(performance.now() - started).toBeLessThan(25_000);
}, 40_000);

test('a template that asks for more than it may, or for more than a text can hold, drops the row', async () => {
  await expect(measured('{% for a in range(10 ** 12) %}x{% endfor %}')).rejects.toMatchObject({
    code: 'NO_ROWS',
    message: /template_refused/,
  });
}, 40_000);

test('a template that fills the memory ends its job only', async () => {
  const filling =
    '{% set ns = namespace(all=[]) %}{% for a in range(10000) %}{% set ns.all = ns.all + range(100000) %}{% endfor %}';
  await expect(measured(filling)).rejects.toMatchObject({ code: 'EVALUATION_FAILED', message: /memory|failed/ });
}, 60_000);
