import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenise } from '@tuning/dataset';
import { type LocalHub, startHub } from '@tuning/devnet';
import { createHub, type Hub } from '@tuning/hub';
import { Secret } from '@tuning/kit';
import { loadTokenizer, measureRows } from '@tuning/llm';
import type { TokenRow } from '@tuning/protocol';
import { createProcessRunner } from '@tuning/runner';
import { cpuTrainerCommand } from '@tuning/training';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseDir, datasetType, demoRows, prepareDemoJob, TEST_ROWS } from '../../packages/training/test/demo-job.ts';
import { hubEnvironment, runScript, TRANSFORMERS } from './python.ts';

const SLOW_MS = 280_000;
const SEQUENCE_LEN = 96;
/** Of the loss of all rows, and of one row's summed loss. */
const LARGEST_DIFFERENCE = { loss: 2e-6, row: 1e-5 };
const RECIPES = {
  full: { adapter: 'full', learning_rate: 1e-3, max_steps: 30, warmup_steps: 4 },
  adapter: {
    ...{ adapter: 'lora', lora_r: 8, lora_alpha: 16, lora_dropout: 0.05, lora_target_linear: true },
    ...{ learning_rate: 5e-3, max_steps: 30, warmup_steps: 4 },
  },
} as const;

describe.skipIf(!TRANSFORMERS.python)('models that our trainer wrote', () => {
  let folder: string;
  let local: LocalHub;
  let token: string;
  let hub: Hub;
  let baseRevision: string;
  let rows: readonly TokenRow[];

  const publish = async (repo: string, dir: string): Promise<string> => {
    const files = readdirSync(dir).map((path) => ({ path, content: join(dir, path) }));
    const { revision } = await hub.publish({ type: 'model', repo, visibility: 'public', files, message: 'a model' });
    return revision;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trained-model-'));
    local = await startHub({ dataDir: join(folder, 'hub') });
    token = await local.createToken({ namespace: 'demo', role: 'write' });
    hub = createHub({ endpoint: local.endpoint, token: new Secret(token) });
    baseRevision = await publish('demo/tiny-llama', baseDir);
    const held = (await demoRows()).slice(0, TEST_ROWS);
    rows = tokenise(held, datasetType, await loadTokenizer(baseDir), SEQUENCE_LEN).rows;
    writeFileSync(join(folder, 'rows.json'), JSON.stringify(rows.map(({ ids, labels }) => [[...ids], [...labels]])));
  });
  afterAll(async () => {
    await local.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A job folder in, a model out, in a sealed job as a miner runs it. */
  async function train(kind: keyof typeof RECIPES): Promise<string> {
    const dir = join(folder, kind);
    mkdirSync(dir);
    await prepareDemoJob(dir, RECIPES[kind], { sequenceLen: SEQUENCE_LEN, baseRevision });
    const runner = await createProcessRunner({ root: join(folder, 'runner') });
    const limits = { wallMs: SLOW_MS, memoryBytes: 2 ** 31, outputBytes: 2 ** 28, graceMs: 1_000 };
    const job = await runner.start({ id: `train-${kind}`, dir, command: cpuTrainerCommand(), limits, labels: {} });
    expect(await job.wait()).toMatchObject({ outcome: 'completed' });
    await runner.close();
    return join(dir, 'out/model');
  }

  it.each([
    ['full', 'LlamaForCausalLM'],
    ['adapter', 'PeftModelForCausalLM'],
  ] as const)(
    '%s: loads by its id on the hub and gives the loss that we measure',
    { timeout: SLOW_MS },
    async (kind, name) => {
      const model = await train(kind);
      const weights = kind === 'full' ? ({ kind, dir: model } as const) : ({ kind, baseDir, dir: model } as const);
      const ours = await measureRows({ baseDir, weights, rows });
      const base = await measureRows({ baseDir, weights: { kind: 'full', dir: baseDir }, rows });
      expect(ours.summary.loss).toBeLessThan(0.95 * base.summary.loss);

      const repo = `demo/tuned-${kind}`;
      const args = [repo, await publish(repo, model), kind, join(folder, 'rows.json')];
      const found = await runScript(
        TRANSFORMERS,
        'trained_model.py',
        args,
        hubEnvironment(local.endpoint, token),
        SLOW_MS,
      );
      expect(found).toMatchObject({ model: name, tokens: ours.summary.tokens });
      const theirs = found.losses.reduce((sum: number, loss: number) => sum + loss, 0) / found.tokens;
      const apart = Math.max(...ours.rows.sumNll.map((sum, i) => Math.abs(sum / found.losses[i] - 1)));
      process.stdout.write(
        `${kind}: loss ${ours.summary.loss.toFixed(6)}, theirs ${theirs.toFixed(6)}, worst row ${apart.toExponential(1)}, ${JSON.stringify(found.versions)}\n`,
      );
      expect(Math.abs(theirs - ours.summary.loss)).toBeLessThan(LARGEST_DIFFERENCE.loss);
      expect(apart).toBeLessThan(LARGEST_DIFFERENCE.row);
    },
  );
});
