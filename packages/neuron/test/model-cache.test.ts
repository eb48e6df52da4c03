import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Logger, silentLogger, TransientError } from '@tuning/kit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LEASE_MS } from '../src/cache-lease.ts';
import { FACTS_MS, PARTIAL_MS } from '../src/cache-tidy.ts';
import { ModelCache } from '../src/model-cache.ts';
import type { BaseModel } from '../src/model-files.ts';
import { FakeModelHub } from './fake-model-hub.ts';

const KIB = 1024;
const WEIGHTS = 100 * KIB;
const USER = fileURLToPath(new URL('./fixtures/model-user.mjs', import.meta.url));
const model = (name: string) => ({ repo: `demo/${name}`, revision: 'a'.repeat(40) });

let root: string;
let hub: FakeModelHub;
let lines: { model?: string; why?: string; message: string }[];
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'models-')), 'models');
  hub = new FakeModelHub(WEIGHTS);
  lines = [];
});
afterEach(() => rm(join(root, '..'), { recursive: true, force: true }));

function cache(budgetBytes: number, wanted: () => BaseModel[] = () => []): ModelCache {
  const note = (facts: object | string, message = '') => void lines.push({ ...(facts as object), message });
  const logger: Logger = { ...silentLogger, info: note, warn: note };
  return new ModelCache(hub.asHub(), root, { maxModelBytes: 1e6, budgetBytes, wanted, logger });
}

/** Names of the models on disk, and what else is there. */
const present = async () =>
  (await readdir(root))
    .filter((name) => !name.startsWith('.'))
    .map((name) => name.replace(`@${'a'.repeat(40)}`, '').replace('demo--', ''))
    .sort();

const nothing = async () => {};
/** Makes an entry, or a file, look as old as that. */
const age = (path: string, ms: number) => utimes(path, (Date.now() - ms) / 1000, (Date.now() - ms) / 1000);
const folder = (name: string, part = 'full') => join(root, `demo--${name}@${'a'.repeat(40)}.${part}`);

it('keeps to its budget: the least recently used model goes, and the log says which and why', async () => {
  const models = cache(2.5 * WEIGHTS);
  for (const name of ['one', 'two']) await models.use(model(name), nothing);
  await age(folder('one'), 2_000);
  await age(folder('two'), 1_000);
  await models.use(model('one'), nothing);
  await models.use(model('three'), nothing);
  expect(await present()).toEqual(['one.full', 'three.full']);
  expect(lines).toMatchObject([{ model: `demo--two@${'a'.repeat(40)}`, why: 'the cache is over its budget' }]);
  await models.use(model('one'), nothing);
  expect(hub.downloads).toBe(3);
});

it('makes room before it downloads, so that the budget is not exceeded in between', async () => {
  const models = cache(1.5 * WEIGHTS);
  await models.use(model('one'), nothing);
  const { download } = hub;
  let before: string[] = [];
  hub.download = async (args) => {
    before = await present();
    return download(args);
  };
  await models.use(model('two'), nothing);
  expect(before).toEqual([]);
});

it('never removes what is in use, tells that it cannot, and does so when it is in use no more', async () => {
  const models = cache(0);
  await models.use(model('one'), async (dir) => {
    await models.use(model('two'), nothing);
    await models.tidy();
    expect(await readFile(join(dir, 'tokenizer.json'), 'utf8')).toBe('{}');
    expect(await present()).toEqual(['one.full']);
    expect(lines.map(({ message }) => message)).toContain(
      'models in use take more disk than the budget of their cache',
    );
  });
  expect(await present()).toEqual([]);
});

it('keeps what a job waits for like what is in use', async () => {
  let waiting = [model('one')];
  const models = cache(0, () => waiting);
  for (const name of ['one', 'two']) await models.use(model(name), nothing);
  expect(await present()).toEqual(['one.full']);
  waiting = [];
  await models.tidy();
  expect(await present()).toEqual([]);
});

it('keeps what a killed daemon used, for the jobs that it left running, and what another one uses', async (context) => {
  const models = cache(0);
  const other = cache(10 * WEIGHTS);
  await other.use(model('one'), nothing);
  const { repo, revision } = model('one');
  const daemon = spawn(process.execPath, [USER, root, repo, revision], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.onTestFinished(() => void daemon.kill('SIGKILL'));
  await once(daemon.stdout, 'data');
  await models.tidy();
  expect(await present()).toEqual(['one.full']);
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  await models.tidy();
  expect(await present()).toEqual(['one.full']);
  const [lease] = await readdir(join(root, '.leases'));
  await age(join(root, '.leases', lease!), LEASE_MS + 1_000);
  await models.tidy();
  expect([await present(), await readdir(join(root, '.leases'))]).toEqual([[], []]);
}, 30_000);

it('frees what was in use before a reboot', async () => {
  const models = cache(0);
  await cache(10 * WEIGHTS).use(model('one'), nothing);
  await models.use(model('one'), async () => {
    const [lease] = await readdir(join(root, '.leases'));
    const file = join(root, '.leases', lease!);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), boot: 'an earlier one' }));
    await models.tidy();
    expect(await present()).toEqual([]);
  });
});

it('goes on with a download that was cut, and sweeps it once nobody did for a day', async () => {
  const models = cache(10 * WEIGHTS);
  hub.fault = new TransientError('HUB_UNAVAILABLE', '503');
  await expect(models.use(model('one'), nothing)).rejects.toMatchObject({ code: 'HUB_UNAVAILABLE' });
  await models.tidy();
  expect(await present()).toEqual(['one.full.partial']);
  await age(folder('one', 'full.partial'), PARTIAL_MS + 1_000);
  await models.tidy();
  expect(await present()).toEqual([]);
  expect(lines).toMatchObject([{ why: 'a download that nobody went on with' }]);
});

it('ends a removal that a killed process had begun, and forgets what was only looked at long ago', async () => {
  const models = cache(10 * WEIGHTS);
  await mkdir(`${folder('one')}.gone-${'0'.repeat(8)}-1111-4111-8111-${'0'.repeat(12)}`, { recursive: true });
  await models.survey('demo/old', undefined);
  await models.survey('demo/new', undefined);
  await age(folder('old', 'config'), FACTS_MS + 1_000);
  await age(folder('new', 'config'), FACTS_MS + 1_000);
  await models.survey('demo/new', undefined);
  await models.tidy();
  expect(await present()).toEqual(['new.config']);
});

it('removes more where the disk has no room, though its budget has: as much as that takes, if it can be had', async () => {
  const models = cache(10 * WEIGHTS);
  for (const name of ['one', 'two', 'three']) await models.use(model(name), nothing);
  await age(folder('one'), 3_000);
  await age(folder('two'), 2_000);
  await models.tidy({ wantedBytes: 10 * WEIGHTS });
  expect(await present()).toHaveLength(3);
  await models.tidy({ wantedBytes: WEIGHTS / 2, keep: model('one') });
  expect(await present()).toEqual(['one.full', 'three.full']);
  expect(lines).toMatchObject([{ why: 'a job needs the room' }]);
});

it('downloads once what several jobs want at the same time', async () => {
  const models = cache(10 * WEIGHTS);
  const bytes = await Promise.all(
    [1, 2, 3].map(() =>
      models.use(model('one'), async (dir) => (await readFile(join(dir, 'model.safetensors'))).length),
    ),
  );
  expect([bytes, hub.downloads]).toEqual([[WEIGHTS, WEIGHTS, WEIGHTS], 1]);
});

it('is shared by two daemons that download the same model at the same time', async () => {
  const [first, second] = [cache(10 * WEIGHTS), cache(10 * WEIGHTS)];
  const bytes = (dir: string) => readFile(join(dir, 'model.safetensors')).then(({ length }) => length);
  const both = await Promise.all([first.use(model('one'), bytes), second.use(model('one'), bytes)]);
  expect([both, await present()]).toEqual([[WEIGHTS, WEIGHTS], ['one.full']]);
});

it('does not give up the download of one job because another was cancelled', async () => {
  const models = cache(10 * WEIGHTS);
  const cancelled = new AbortController();
  const { download } = hub;
  hub.download = async (args, options) => {
    hub.download = download;
    cancelled.abort(new Error('cancelled'));
    options?.signal?.throwIfAborted();
    return download(args, options);
  };
  const first = models.use(model('one'), nothing, cancelled.signal);
  const second = models.use(model('one'), async () => 'trained');
  await expect(first).rejects.toThrow('cancelled');
  expect(await second).toBe('trained');
});
