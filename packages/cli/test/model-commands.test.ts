import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startHub } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { Secret } from '@tuning/kit';
import { loadTokenizer, loadWeights, modelTensors, readModelConfig, writeSafetensors } from '@tuning/llm';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { addCheckCommand } from '../src/commands/check.ts';
import { addEvaluateCommand } from '../src/commands/evaluate.ts';
import { addInspectCommand } from '../src/commands/inspect.ts';

const BASE = fileURLToPath(new URL('../../devnet/assets/tiny-llama', import.meta.url));
const ROWS = fileURLToPath(new URL('../../devnet/assets/wordnet-qa/data/train.jsonl', import.meta.url));

let folder: string;
let rows: string;
let tuned: string;
let adapter: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-models-test-'));
  rows = join(folder, 'rows.jsonl');
  await writeFile(rows, (await readFile(ROWS, 'utf8')).split('\n').slice(0, 16).join('\n'));
  tuned = join(folder, 'tuned');
  await cp(BASE, tuned, { recursive: true });
  const config = await readModelConfig(BASE);
  const weights = await loadWeights(config, { kind: 'full', dir: BASE });
  // Only the second layer's query projection moves.
  const tensors = [...modelTensors(config)].map(([name, shape]) => ({
    name,
    shape,
    dtype: 'F32' as const,
    data: weights.get(name)!.map((value, i) => (name === Q1 ? value * (1 + 0.02 * Math.sin(i)) : value)),
  }));
  await writeSafetensors(join(tuned, 'model.safetensors'), tensors);
  adapter = join(folder, 'adapter');
  await cp(tuned, adapter, { recursive: true, filter: (path) => !path.endsWith('.safetensors') });
  await rm(join(adapter, 'config.json'));
  const [out, inner] = modelTensors(config).get(Q1) as [number, number];
  const half = (name: 'A' | 'B', shape: number[]) => ({
    name: `base_model.model.${Q1.replace(/\.weight$/, '')}.lora_${name}.weight`,
    shape,
    dtype: 'F32' as const,
    data: Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => 0.05 * Math.sin(i)),
  });
  await writeSafetensors(join(adapter, 'adapter_model.safetensors'), [half('A', [2, inner]), half('B', [out, 2])]);
  const peft = {
    peft_type: 'LORA',
    r: 2,
    lora_alpha: 4,
    target_modules: ['q_proj'],
    base_model_name_or_path: 'me/base',
  };
  await writeFile(join(adapter, 'adapter_config.json'), JSON.stringify(peft));
});
const Q1 = 'model.layers.1.self_attn.q_proj.weight';
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

/** Runs one command line and gives what it printed. */
async function tuning(...argv: string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
  const program = new Command().exitOverride();
  addCheckCommand(program);
  addEvaluateCommand(program);
  addInspectCommand(program);
  await program.parseAsync(argv, { from: 'user' });
  return printed.join('');
}
const json = async (...argv: string[]) => JSON.parse(await tuning(...argv, '--json'));
const onRows = (...more: string[]) => ['--data', rows, '--type', 'alpaca', ...more];

it('measures a model and its base, compares them, and says the same twice', async () => {
  // A temporary folder of its own, for other tests at the same time use the machine's.
  const temporary = await mkdtemp(join(folder, 'tmp-'));
  vi.stubEnv('TMPDIR', temporary);
  const found = await json('evaluate', tuned, '--base', BASE, ...onRows('--rows'));
  expect(await readdir(temporary)).toEqual([]);
  expect(found).toMatchObject({
    model: { name: tuned },
    base: { name: BASE },
    data: { count: 16, type: 'alpaca', sequenceLen: 1024 },
    kind: 'full',
    verdict: { code: 'accepted' },
    measured: { rowsKept: 16 },
    baseMeasured: { rowsKept: 16 },
    comparison: { confidence: 0.95 },
  });
  const { measured, baseMeasured, comparison } = found;
  expect(comparison.difference).toBeCloseTo(measured.loss - baseMeasured.loss, 10);
  expect(comparison.low).toBeLessThan(comparison.difference);
  expect(comparison.high).toBeGreaterThan(comparison.difference);
  expect(found.rows.sumNll).toHaveLength(16);
  expect(found.baseRows.sumNll).toHaveLength(16);
  expect(await json('evaluate', tuned, '--base', BASE, ...onRows('--rows', '--threads', '2'))).toEqual(found);
}, 60_000);

it('prints a table, and the worst rows first', async () => {
  const text = await tuning('evaluate', tuned, '--base', BASE, ...onRows('--limit', '10', '--rows', '3'));
  expect(text).toMatch(/^verdict +accepted: /m);
  expect(text).toMatch(/^model +\d+\.\d{6} +\d+\.\d{4} +\d+\.\d{6} +\d+ +10$/m);
  expect(text).toMatch(/^base +\d+\.\d{6}/m);
  expect(text).toMatch(/^difference +[+-]\d\.\d{6} nats per token: /m);
  const worst = [...text.matchAll(/^ *\d+ +\d+ +(\d+\.\d{4}) +\d+\.\d{4} +[+-]?\d\.\d{4}$/gm)].map(([, loss]) =>
    Number(loss),
  );
  expect(worst).toHaveLength(3);
  expect(worst).toEqual([...worst].sort((a, b) => b - a));
  expect(text).not.toContain('\u001b');
}, 60_000);

it('measures a model by itself, rows of csv, and counts what is left out', async () => {
  const csv = join(folder, 'rows.csv');
  await writeFile(csv, `text\n${'a rather long line of words '.repeat(4)}\nshort\n\n`);
  const found = await json(
    'evaluate',
    BASE,
    '--data',
    csv,
    '--type',
    '{"field_instruction":"text","field_output":"text"}',
    '--sequence-len',
    '20',
  );
  expect(found).toMatchObject({ kind: 'base', measured: { rowsKept: 1, rowsDropped: { over_length: 1 } } });
  expect(found.comparison).toBeUndefined();
}, 60_000);

it('measures conversations by the base’s chat template', async () => {
  const chatty = join(folder, 'chatty');
  await cp(BASE, chatty, { recursive: true });
  const template = async (source: string) => writeFile(join(chatty, 'chat_template.jinja'), source);
  await template(
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}",
  );
  const data = join(folder, 'chats.jsonl');
  const chats = [
    [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
    ],
    'no messages',
  ];
  await writeFile(data, chats.map((messages) => `${JSON.stringify({ messages })}\n`).join(''));
  const found = await json('evaluate', chatty, '--data', data, '--type', 'chat');
  const answer = (await loadTokenizer(BASE)).encode('Hello').length;
  expect(found.measured).toMatchObject({ rowsKept: 1, rowsDropped: { bad_conversation: 1 }, tokens: answer });
  await expect(json('evaluate', BASE, '--data', data, '--type', 'chat')).rejects.toMatchObject({
    name: 'OperatorError',
    code: 'CHAT_TEMPLATE_MISSING',
  });
}, 60_000);

it('a refused model has no loss, and says why', async () => {
  const found = await json('evaluate', BASE, '--base', BASE, ...onRows());
  expect(found.verdict.code).toBe('identical_to_base');
  expect(found).not.toHaveProperty('measured');
  expect(found.baseMeasured.rowsKept).toBe(16);
}, 60_000);

it('inspects a model, an adapter, and damage', async () => {
  const alone = await json('inspect', BASE);
  expect(alone.inspection).toMatchObject({
    kind: 'full',
    parameters: 1_049_728,
    problems: [],
    config: { model_type: 'llama' },
  });
  expect(alone.inspection.tensors).toHaveLength(38);
  expect(alone).not.toHaveProperty('verdict');
  const map = await tuning('inspect', tuned, '--base', BASE, '--tensors');
  expect(map).toMatch(/^verdict +accepted: /m);
  expect(map).toMatch(/^ +input_norm +q +k +v +o .*gate up +down$/m);
  expect(map).toMatch(/^ +1 .*▓▓▓ \.\.\. \.\.\. \.\.\./m);
  expect(map).toMatch(new RegExp(`^${Q1} +F32 +128x128 .* 1\\.4\\d{2}e-2 +0\\.9999\\d\\d$`, 'm'));
  const lora = await json('inspect', adapter, '--base', BASE);
  expect(lora.inspection).toMatchObject({ kind: 'adapter', config: { r: 2, lora_alpha: 4 }, parameters: 512 });
  expect(lora.inspection.changes.filter(({ relative }: { relative: number }) => relative > 0)).toHaveLength(1);
  const broken = join(folder, 'broken');
  await cp(tuned, broken, { recursive: true });
  await writeFile(join(broken, 'model.safetensors'), 'PK');
  expect((await json('inspect', broken)).inspection).toMatchObject({
    tensors: [],
    problems: [{ code: 'SAFETENSORS_INVALID' }],
  });
}, 90_000);

it('takes models and data from a hub, at a pinned commit', async () => {
  const hub = await startHub({ dataDir: join(folder, 'hub') });
  try {
    const token = await hub.createToken({ namespace: 'me', role: 'write' });
    const client = createHub({ endpoint: hub.endpoint, token: new Secret(token) });
    const files = (await readdir(tuned)).map((path) => ({ path, content: join(tuned, path) }));
    const pickle = { path: 'training_args.bin', content: new TextEncoder().encode('not read') };
    const { revision } = await client.publish({
      type: 'model',
      repo: 'me/tuned',
      visibility: 'public',
      files: [...files, pickle],
      message: 'x',
    });
    const data = [{ path: 'train.jsonl', content: rows }];
    await client.publish({ type: 'dataset', repo: 'me/rows', visibility: 'public', files: data, message: 'x' });
    const cache = join(folder, 'cache');
    const flags = ['--data', 'me/rows', '--type', 'alpaca', '--hub', hub.endpoint, '--cache', cache];
    const found = await json('evaluate', 'me/tuned', ...flags);
    expect(found).toMatchObject({
      model: { name: `me/tuned@${revision}`, revision, leftOut: ['training_args.bin'] },
      data: { name: expect.stringMatching(/^me\/rows@[0-9a-f]{40}$/), count: 16 },
      verdict: { code: 'accepted' },
    });
    expect(await readdir(found.model.dir)).not.toContain('training_args.bin');
    expect((await json('evaluate', `me/tuned@${revision}`, ...flags)).measured).toEqual(found.measured);
    const absent = json('inspect', 'me/absent', '--hub', hub.endpoint, '--cache', cache);
    await expect(absent).rejects.toMatchObject({ name: 'OperatorError', code: 'HUB_REPO_NOT_FOUND' });
  } finally {
    await hub.close();
  }
}, 90_000);

it.each([
  ['MODEL_NOT_FOUND', ['inspect', '/nowhere/at/all']],
  ['MODEL_NOT_FOUND', ['inspect', join(BASE, 'config.json')]],
  ['MODEL_NOT_FOUND', ['evaluate', BASE, '--base', 'x', '--data', ROWS, '--type', 'alpaca']],
  ['DATASET_NOT_FOUND', ['evaluate', BASE, '--data', '/nowhere.json', '--type', 'alpaca']],
  ['DATASET_MISSING_COLUMN', ['evaluate', BASE, '--data', ROWS, '--type', 'completion']],
  ['DATASET_TYPE_INVALID', ['evaluate', BASE, '--data', ROWS, '--type', 'talk']],
  ['DATASET_TYPE_INVALID', ['evaluate', BASE, '--data', ROWS, '--type', '{"field":']],
  ['FORMAT_UNKNOWN', ['evaluate', BASE, '--data', join(BASE, 'LICENSE'), '--type', 'alpaca']],
  ['FLAG_INVALID', ['evaluate', BASE, '--data', ROWS, '--type', 'alpaca', '--sequence-len', '1']],
])('what is missing ends with exit code 78: %s', async (code, argv) => {
  await expect(tuning(...argv)).rejects.toMatchObject({ name: 'OperatorError', code });
});

it('without a GPU, says so before it reads or downloads anything', async () => {
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '-1');
  await expect(tuning('evaluate', '/nowhere', ...onRows('--device', 'cuda'))).rejects.toMatchObject({
    name: 'OperatorError',
    code: expect.stringMatching(/^CUDA_/),
    message: expect.stringMatching(/measure on the CPU$/),
  });
});

it('a model without a base’s files, or an adapter alone, cannot be measured', async () => {
  await expect(tuning('evaluate', adapter, ...onRows())).rejects.toMatchObject({ name: 'OperatorError' });
}, 60_000);

it('checks a folder as a validator would, and says by code why it would be refused', async () => {
  const accepted = await json('check', tuned, '--base', BASE, ...onRows());
  expect(accepted).toMatchObject({ kind: 'full', verdict: { code: 'accepted' } });
  expect(accepted.measured.loss).toBeGreaterThan(0);
  expect(process.exitCode).toBeUndefined();
  expect(await tuning('check', tuned, '--base', BASE)).toMatch(/^verdict +accepted: /m);

  const refused = async (change: (dir: string) => Promise<unknown>, ...flags: string[]) => {
    const dir = await mkdtemp(join(folder, 'submission-'));
    await cp(tuned, dir, { recursive: true });
    await change(dir);
    process.exitCode = undefined;
    const { verdict } = await json('check', dir, '--base', BASE, ...flags);
    expect(process.exitCode).toBe(1);
    return verdict.code;
  };
  expect(await refused((dir) => writeFile(join(dir, 'run.py'), ''))).toBe('unexpected_file');
  expect(await refused((dir) => symlink(join(BASE, 'config.json'), join(dir, 'vocab.json')))).toBe('unexpected_file');
  expect(await refused((dir) => rm(join(dir, 'config.json')))).toBe('missing_file');
  expect(await refused(async () => {}, '--max-model-gb', '0.000001')).toBe('too_large');
  expect(await refused((dir) => cp(join(BASE, 'model.safetensors'), join(dir, 'model.safetensors')))).toBe(
    'identical_to_base',
  );
  await expect(json('check', tuned, '--base', BASE, '--data', rows)).rejects.toMatchObject({ code: 'FLAG_INVALID' });
}, 60_000);
