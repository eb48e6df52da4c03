import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHub } from '@tuning/hub';
import { createProcessRunner, type Runner } from '@tuning/runner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { runSealedJob } from '../src/models/sealed-job.ts';

const BASE = fileURLToPath(new URL('../../devnet/assets/tiny-llama', import.meta.url));

let folder: string;
let runner: Runner;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-chat-test-'));
  runner = await createProcessRunner({ root: join(folder, 'registry') });
  await cp(BASE, join(folder, 'base'), { recursive: true });
  await writeFile(join(folder, 'rows.jsonl'), '{"messages":[{"role":"user","content":"Hi"}]}\n');
});
afterEach(async () => {
  await runner.close();
  await rm(folder, { recursive: true, force: true });
});

/** Renders one row with the template in a sealed job; the text, or null where the template refused it. */
async function rendered(template: string, wallMs: number): Promise<string | null> {
  await writeFile(join(folder, 'base', 'chat_template.jinja'), template);
  const textFile = join(folder, 'texts.jsonl');
  const input = { baseDir: join(folder, 'base'), rowsFile: join(folder, 'rows.jsonl'), textFile };
  const limits = { wallMs, memoryBytes: 512 * 1024 ** 2 };
  const hub = createHub({ endpoint: 'http://127.0.0.1:1' });
  const workspace = { folder, hub, runner, signal: new AbortController().signal, threads: 1, limits };
  const schema = z.strictObject({ refused: z.number() });
  await runSealedJob({ id: 'chat', input, schema, doing: ['rendering', 'rows'] }, workspace);
  return JSON.parse(await readFile(textFile, 'utf8')).text;
}

test('a template that never ends is stopped at the job’s limit', async () => {
  const forever = '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}';
  const started = performance.now();
  await expect(rendered(forever, 5_000)).rejects.toMatchObject({ code: 'JOB_FAILED', message: /timeout/ });
  expect(performance.now() - started).toBeLessThan(25_000);
}, 40_000);

test('a template that asks for more than it may, or for more than a text can hold, has no text', async () => {
  expect(await rendered('{% for a in range(10 ** 12) %}x{% endfor %}', 30_000)).toBeNull();
}, 40_000);

test('a template that fills the memory ends its job only', async () => {
  const filling =
    '{% set ns = namespace(all=[]) %}{% for a in range(10000) %}{% set ns.all = ns.all + range(100000) %}{% endfor %}';
  await expect(rendered(filling, 30_000)).rejects.toMatchObject({ code: 'JOB_FAILED', message: /memory|failed/ });
}, 60_000);
