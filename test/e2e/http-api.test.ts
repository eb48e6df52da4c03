import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, type Daemon, httpOf, Network, RECIPES, readChain } from './network.ts';

/** The request body of the field, letter for letter. */
const FIELD_BODY = `{"dataset": "mhenrichsen/alpaca_2k_test", "model": "unsloth/Llama-3.2-3B-Instruct",
 "dataset_type": {"system_prompt": "you are helpful", "system_format": "{system}", "field_system": "text", "field_instruction": "instruction", "field_input": "input", "field_output": "output"},
 "file_format": "hf"}`;

const network = new Network();
let miner: Daemon;
let minerUrl = '';
let validatorUrl = '';

beforeAll(async () => {
  await network.start(['miner', 'mhenrichsen', 'unsloth']);
  // On this hub the field's ids name the repository's own assets.
  await network.publish('mhenrichsen', 'dataset', 'mhenrichsen/alpaca_2k_test', 'wordnet-qa');
  await network.publish('unsloth', 'model', 'unsloth/Llama-3.2-3B-Instruct', 'tiny-llama');
  miner = await network.miner('miner', RECIPES.lora);
  const validator = await network.validator();
  minerUrl = await httpOf(miner, 'miner is ready');
  validatorUrl = await httpOf(validator, 'validator is ready');
}, 180_000);

afterAll(() => network.stop(), 60_000);

const ended = (id: string) =>
  waitFor(
    `job ${id}`,
    async () => {
      const { body } = await call(`${minerUrl}/train/${id}`);
      return ['Completed', 'Failed', 'Cancelled'].includes(body.status) ? body : undefined;
    },
    { ms: 90_000, everyMs: 200 },
  );

describe('POST /train/', () => {
  it('takes the body of the field as typed and trains', async () => {
    const answer = await call(`${minerUrl}/train/`, 'POST', FIELD_BODY);
    expect(answer.status, JSON.stringify(answer.body)).toBe(202);
    expect(answer.body).toEqual({ message: expect.any(String), job_id: expect.any(String) });
    const job = await ended(answer.body.job_id);
    expect(job, JSON.stringify(job)).toMatchObject({ status: 'Completed', result: { steps: 12 } });
    expect(JSON.parse(readFileSync(join(job.result.modelDir, 'adapter_config.json'), 'utf8'))).toMatchObject({
      base_model_name_or_path: 'unsloth/Llama-3.2-3B-Instruct',
    });
    const { body: curve } = await call(`${minerUrl}/train/${answer.body.job_id}/curve`);
    expect(curve.points.map(({ step }: { step: number }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(curve.points.at(-1).loss).toBe(job.result.finalLoss);
  });

  it('takes local csv and json files', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ instruction: `Say ${i}.`, input: '', output: `${i}` }));
    const json = join(network.folder, 'rows.json');
    writeFileSync(json, JSON.stringify(rows));
    const csv = join(network.folder, 'rows.csv');
    writeFileSync(
      csv,
      `instruction,input,output\n${rows.map((row) => `${row.instruction},${row.input},${row.output}`).join('\n')}\n`,
    );
    for (const [dataset, file_format] of [
      [json, 'json'],
      [csv, 'csv'],
    ]) {
      const answer = await call(`${minerUrl}/train/`, 'POST', {
        dataset,
        file_format,
        model: 'demo/tiny-llama',
        dataset_type: 'instruct',
      });
      expect(answer.status, JSON.stringify(answer.body)).toBe(202);
      const job = await ended(answer.body.job_id);
      expect(job, JSON.stringify(job)).toMatchObject({ status: 'Completed' });
    }
  });

  it('knows its jobs and says so of others', async () => {
    const { body } = await call(`${minerUrl}/train`);
    expect(body.jobs.length).toBeGreaterThanOrEqual(3);
    expect(await call(`${minerUrl}/train/nope/curve`)).toMatchObject({ status: 404 });
    expect(await call(`${minerUrl}/train/nope`)).toMatchObject({ status: 404, body: { status: 'Not Found' } });
    expect((await call(`${minerUrl}/train/`, 'POST', { model: 'x' })).status).toBe(422);
  });
});

describe('POST /evaluate/', () => {
  it('measures a fine-tune of the field body with original_model', async () => {
    // What the miner trained above, published by its owner.
    const { body: list } = await call(`${minerUrl}/train`);
    const { modelDir } = list.jobs.find((job: any) => job.result).result;
    const hub = await network.client('miner');
    const files = ['adapter_config.json', 'adapter_model.safetensors'].map((path) => ({
      path,
      content: join(modelDir, path),
    }));
    await hub.publish({ type: 'model', repo: 'miner/tuned', visibility: 'public', message: 'x', files });

    const body = { ...JSON.parse(FIELD_BODY), model: 'miner/tuned', original_model: 'unsloth/Llama-3.2-3B-Instruct' };
    const { status, body: answer } = await call(`${validatorUrl}/evaluate/`, 'POST', body);
    expect(status, JSON.stringify(answer)).toBe(200);
    expect(answer.is_finetune, JSON.stringify(answer.verdict)).toBe(true);
    expect(answer.eval_results.perplexity).toBeCloseTo(Math.exp(answer.eval_results.loss), 6);
    expect(answer.eval_results.loss).toBeLessThan(answer.base_results.loss);
    expect(answer.eval_results.rows_kept).toBeGreaterThan(1000);
    const changed = answer.changes.filter(({ relative }: { relative: number }) => relative > 0);
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.every(({ name }: { name: string }) => name.endsWith('_proj.weight'))).toBe(true);
    expect(answer.changes.length).toBeGreaterThan(changed.length);
  });

  it('refuses the untouched base by name', async () => {
    const body = { ...JSON.parse(FIELD_BODY), original_model: 'unsloth/Llama-3.2-3B-Instruct' };
    const { body: answer } = await call(`${validatorUrl}/evaluate/`, 'POST', body);
    expect(answer).toMatchObject({ is_finetune: false, verdict: { code: 'identical_to_base' } });
    expect(answer.eval_results.loss).toBe(answer.base_results.loss);
  });

  it('answers bad orders with a code', async () => {
    const body = { ...JSON.parse(FIELD_BODY), original_model: 'unsloth/absent' };
    expect(await call(`${validatorUrl}/evaluate/`, 'POST', body)).toMatchObject({
      status: 404,
      body: { error: { code: 'HUB_REPO_NOT_FOUND' } },
    });
    expect((await call(`${validatorUrl}/evaluate/`, 'POST', FIELD_BODY)).status).toBe(422);
  });
});

describe('what others read from the chain', () => {
  it('plain polkadot.js sees axon and transport key of both neurons', async () => {
    const { neurons } = await readChain(network);
    const hotkeys = neurons.map(({ hotkey }: { hotkey: string }) => hotkey);
    expect(hotkeys).toContain(network.hotkeys.get('miner'));
    for (const name of ['miner', 'validator']) {
      const neuron = neurons.find(({ hotkey }: { hotkey: string }) => hotkey === network.hotkeys.get(name));
      expect(neuron.axon).toMatchObject({
        ipType: 4,
        port: expect.any(Number),
        placeholder2: name === 'miner' ? 1 : 2,
      });
      expect(neuron.certificate.algorithm).toBe(0xed);
    }
  });
});
