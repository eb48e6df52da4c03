import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@tuning/kit';
import { ModelCache } from '@tuning/neuron';
import type { DatasetType } from '@tuning/protocol';
import { loadRecipe } from '@tuning/training';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeModelHub } from '../../neuron/test/fake-model-hub.ts';
import { createMinerApi } from '../src/http-api.ts';
import { createOfferSurvey } from '../src/offer-survey.ts';
import { BASE_RECIPE } from '../src/recipe-overrides.ts';
import { FakeChain } from './fake-chain.ts';
import { FakeWorker } from './fake-worker.ts';
import { offer, openTempStore } from './temp-store.ts';

const chat: DatasetType = { type: 'chat_template' };

let opened: Awaited<ReturnType<typeof openTempStore>>;
let hub: FakeModelHub;
let models: ModelCache;
beforeEach(async () => {
  opened = await openTempStore();
  hub = new FakeModelHub(1_000);
  const root = join(opened.folder, 'models');
  models = new ModelCache(hub.asHub(), root, { maxModelBytes: 1e6, budgetBytes: 1e6, logger: silentLogger });
});
afterEach(() => opened.remove());

async function order(type: DatasetType) {
  const rows = join(opened.folder, 'rows.json');
  await mkdir(opened.folder, { recursive: true });
  const turns = [
    { role: 'user', content: 'question' },
    { role: 'assistant', content: 'answer' },
  ];
  const row = { messages: turns, text: 'text' };
  await writeFile(rows, JSON.stringify(Array.from({ length: 30 }, () => row)));
  const server = createMinerApi({
    store: opened.store,
    worker: new FakeWorker().asWorker(),
    models,
    hub: hub.asHub(),
    room: { lackFor: async () => undefined, admit: async (_, enter) => ({ entered: enter() }) },
    ...{ intakeFolder: join(opened.folder, 'intake'), maxModelBytes: 1e6 },
    localFiles: { from: undefined, never: [] },
    apiKey: undefined,
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  const payload = { dataset: rows, model: 'demo/tiny', dataset_type: type, file_format: 'json' };
  const answer = await server.inject({ method: 'POST', url: '/train/', headers: { host: '127.0.0.1' }, payload });
  await server.close();
  return { status: answer.statusCode, code: (answer.json() as { error?: { code: string } }).error?.code };
}

const survey = (datasetType: DatasetType) =>
  createOfferSurvey({
    models,
    metagraph: { current: { neurons: [] } as never },
    chain: new FakeChain(90).asChain(),
    hotkey: 'M',
    recipe: loadRecipe({ baseFile: BASE_RECIPE, overrides: {} }),
    speeds: { tokensPerSecond1b: undefined },
    assumedSpeed: undefined,
    alphaPerBlock: 0.41,
    gpus: 0,
  })({ ...offer, datasetType }, 1);

it('an order of conversations for a base without a chat template is refused before anything is taken in', async () => {
  expect(await order(chat)).toEqual({ status: 422, code: 'CHAT_TEMPLATE_MISSING' });
  expect(opened.store.jobs.list()).toEqual([]);
  expect(await order('pretrain')).toEqual({ status: 202, code: undefined });
  hub.template = '{{ messages }}';
  expect(await order(chat)).toEqual({ status: 202, code: undefined });
});

it('so is an offer', async () => {
  await expect(survey(chat)).rejects.toMatchObject({ name: 'BadInputError', code: 'CHAT_TEMPLATE_MISSING' });
  expect(await survey('alpaca')).toMatchObject({ modelBytes: expect.any(Number) });
  hub.template = '{{ messages }}';
  expect(await survey(chat)).toMatchObject({ modelBytes: expect.any(Number) });
});
