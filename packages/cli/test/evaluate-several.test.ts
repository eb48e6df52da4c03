import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TransientError } from '@tuning/kit';
import { loadWeights, modelTensors, readModelConfig, writeSafetensors } from '@tuning/llm';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { addEvaluateCommand } from '../src/commands/evaluate.ts';
import type { RankingReport, RankingRequest } from '../src/models/evaluation.ts';
import { rankingJson } from '../src/models/evaluation-json.ts';
import { rankingText } from '../src/models/ranking-text.ts';

const BASE = fileURLToPath(new URL('../../devnet/assets/tiny-llama', import.meta.url));
const ROWS = fileURLToPath(new URL('../../devnet/assets/wordnet-qa/data/train.jsonl', import.meta.url));
const Q1 = 'model.layers.1.self_attn.q_proj.weight';

let folder: string;
let rows: string;
/** Two fine-tunes, one whose losses are no numbers, and one that is cut. */
let models: Record<'some' | 'more' | 'overflowing' | 'cut', string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evaluate-several-'));
  rows = join(folder, 'rows.jsonl');
  await writeFile(rows, (await readFile(ROWS, 'utf8')).split('\n').slice(0, 16).join('\n'));
  const config = await readModelConfig(BASE);
  const weights = await loadWeights(config, { kind: 'full', dir: BASE });
  const tuned = async (name: string, change: (value: number, i: number) => number) => {
    const dir = join(folder, name);
    await cp(BASE, dir, { recursive: true });
    const tensors = [...modelTensors(config)].map(([tensor, shape]) => {
      const data = weights.get(tensor)!;
      return { name: tensor, shape, dtype: 'F32' as const, data: tensor === Q1 ? data.map(change) : data };
    });
    await writeSafetensors(join(dir, 'model.safetensors'), tensors);
    return dir;
  };
  models = {
    some: await tuned('some', (value, i) => value * (1 + 0.02 * Math.sin(i))),
    more: await tuned('more', (value, i) => value + 0.3 * Math.sin(i)),
    overflowing: await tuned('overflowing', (value) => (Math.abs(value) < 1 ? value * 3e38 : value)),
    cut: await tuned('cut', (value) => value + 0.01),
  };
  const path = join(models.cut, 'model.safetensors');
  await writeFile(path, (await readFile(path)).subarray(0, -100));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs `tuning evaluate` and gives what it printed. */
async function evaluate(...argv: string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed.push(String(chunk));
    return true;
  });
  const program = new Command().exitOverride();
  addEvaluateCommand(program);
  await program.parseAsync(['evaluate', ...argv, '--data', rows, '--type', 'alpaca'], { from: 'user' });
  return printed.join('');
}
const json = async (...argv: string[]) => JSON.parse(await evaluate(...argv, '--json'));

it('ranks several models of one base, each with the figures it has by itself; refused ones come last', async () => {
  const { some, more, overflowing, cut } = models;
  const found = await json(overflowing, more, cut, some, '--base', BASE, '--rows');
  expect(found).toMatchObject({ base: { name: BASE }, data: { count: 16, type: 'alpaca' } });
  expect(found.baseMeasured.rowsKept).toBe(16);
  expect(found.baseRows.row).toHaveLength(16);
  const [first, second, ...refused] = found.models;
  expect([first.rank, second.rank]).toEqual([1, 2]);
  expect(first.measured.loss).toBeLessThan(second.measured.loss);
  expect(refused.map((one: typeof first) => [one.model.name, one.verdict.code, one.rank])).toEqual([
    [overflowing, 'non_finite_loss', undefined],
    [cut, 'bad_safetensors', undefined],
  ]);
  for (const one of refused) expect(one).not.toHaveProperty('measured');
  // Of two that differ on every row one is better, and the last has none behind it.
  expect(first.chanceBetterThanNext).toBeGreaterThan(0.5);
  expect(second).not.toHaveProperty('chanceBetterThanNext');

  const alone = await json(some, '--base', BASE, '--rows');
  const same = found.models.find(({ model }: typeof first) => model.name === some);
  for (const key of ['model', 'kind', 'verdict', 'weightsDigest', 'measured', 'comparison', 'rows']) {
    expect(same[key], key).toEqual(alone[key]);
  }
  expect(found.baseRows).toEqual(alone.baseRows);
}, 60_000);

it('prints a table, why models were refused, and the rows in which the best two differ most', async () => {
  const { some, more, cut } = models;
  const text = await evaluate(more, cut, some, some, '--base', BASE, '--rows', '3');
  expect(text).toMatch(/^measured +16 rows, \d+ tokens$/m);
  expect(text).toMatch(/^base loss +\d\.\d{6}, perplexity \d+\.\d{4}$/m);
  const table = [...text.matchAll(/^(\d|-) +(\S+) +([a-z_]+)(?: +(\d\.\d{6}) .*)?$/gm)];
  expect(table.map(([, rank, , code]) => `${rank} ${code}`)).toEqual([
    '1 accepted',
    '2 accepted',
    '3 accepted',
    '- bad_safetensors',
  ]);
  const losses = table.flatMap(([, , , , loss]) => (loss === undefined ? [] : [Number(loss)]));
  expect(losses).toEqual([...losses].sort((a, b) => a - b));
  expect(text).toMatch(/^1 .* \d+\.\d %$/m);
  expect(text).toMatch(new RegExp(`^${cut} +bad_safetensors: model\\.safetensors is not a valid`, 'm'));
  const rowsShown = [...text.matchAll(/^ *\d+ +\d+ +\d\.\d{4} +\d\.\d{4} +([+-]?\d\.\d{4})$/gm)];
  const apart = rowsShown.map(([, difference]) => Math.abs(Number(difference)));
  expect(apart).toHaveLength(3);
  expect(apart).toEqual([...apart].sort((a, b) => b - a));
  expect(text).not.toContain('\u001b');
}, 60_000);

it('of several of which one alone has a loss, shows its worst rows', async () => {
  const text = await evaluate(models.cut, models.some, '--base', BASE, '--rows', '2');
  expect(text).toMatch(/^ROW +TOKENS +LOSS +BASE +CHANGE$/m);
  expect(await evaluate(models.cut, models.cut, '--base', BASE, '--rows')).not.toMatch(/^ROW/m);
}, 60_000);

it('a model whose own job gave no result is shown with the error, beside the others', () => {
  const model = (name: string) => ({ name, dir: `/${name}`, leftOut: [] });
  const summary = { loss: 1, perplexity: Math.E, sumNll: 2, tokens: 2, rowLoss: 1, rowsKept: 1, rowsDropped: {} };
  const reason = new TransientError('EVALUATION_FAILED', 'evaluation job x gave no result');
  const report: RankingReport = {
    base: { summary, rows: { row: [0], sumNll: [2], tokens: [2] } },
    models: [
      {
        model: model('lost'),
        result: { status: 'rejected', reason },
        ...{ rank: undefined, measured: undefined, comparison: undefined, chanceBetterThanNext: undefined },
      },
    ],
  };
  const request: RankingRequest = {
    ...{ base: model('base'), models: [model('lost')], type: 'alpaca', sequenceLen: 64, device: 'cpu' },
    rows: { name: 'rows.jsonl', count: 1, digest: 'd', file: '/rows.jsonl' },
  };
  expect(rankingJson(report, request, false)).toMatchObject({
    models: [{ model: { name: 'lost' }, error: { code: 'EVALUATION_FAILED', message: reason.message } }],
  });
  const text = rankingText(report, request, undefined);
  expect(text).toMatch(/^- +lost +EVALUATION_FAILED$/m);
  expect(text).toMatch(/^lost +EVALUATION_FAILED: evaluation job x gave no result$/m);
});

it.each([
  ['without a base', () => [models.some, models.more], /name it with --base/],
  ['more than 16', () => [...Array(17).fill(models.some), '--base', BASE], /at most 16 models/],
])('several models %s are refused in a line', async (_, argv, message) => {
  await expect(evaluate(...argv())).rejects.toMatchObject({
    name: 'OperatorError',
    code: 'FLAG_INVALID',
    message: expect.stringMatching(message),
  });
});
