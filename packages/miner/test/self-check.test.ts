import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GIB, silentLogger } from '@tuning/kit';
import { loadWeights, modelTensors, readModelConfig, writeSafetensors } from '@tuning/llm';
import { createProcessRunner, type Runner } from '@tuning/runner';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSelfCheck } from '../src/self-check.ts';
import { offer as anOffer } from './temp-store.ts';

const BASE = fileURLToPath(new URL('../../devnet/assets/tiny-llama', import.meta.url));
const offer = { ...anOffer, maxModelBytes: GIB };
let folder: string;
let runner: Runner;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'self-check-'));
  runner = await createProcessRunner({ root: join(folder, 'registry') });
});
afterAll(async () => {
  await runner.close();
  await rm(folder, { recursive: true, force: true });
});

/** A self-check with so much time to the deadline. */
function checkWith(ms: number, { base = BASE, memoryBytes = 2 * GIB } = {}) {
  return createSelfCheck({
    models: { use: (_, work) => work(base) },
    runner,
    root: join(folder, 'checks'),
    memoryBytes,
    threads: 1,
    logger: silentLogger,
    msUntil: () => ms,
  });
}
const { signal } = new AbortController();

async function tuned(name: string): Promise<string> {
  const dir = join(folder, name);
  await cp(BASE, dir, { recursive: true });
  const config = await readModelConfig(BASE);
  const weights = await loadWeights(config, { kind: 'full', dir: BASE });
  const tensors = [...modelTensors(config)].map(([tensor, shape]) => ({
    name: tensor,
    shape,
    dtype: 'F32' as const,
    data: weights
      .get(tensor)!
      .map((value, i) => (tensor.includes('q_proj') ? value * (1 + 0.02 * Math.sin(i)) : value)),
  }));
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
  return dir;
}

it('gives the verdict that a validator would', async () => {
  const dir = await tuned('good');
  expect(await checkWith(3_600_000)(offer, dir, signal)).toMatchObject({ code: 'accepted' });
  expect(await checkWith(3_600_000)(offer, BASE, signal)).toMatchObject({ code: 'identical_to_base' });
  expect(await checkWith(3_600_000)({ ...offer, maxModelBytes: 1_000 }, dir, signal)).toMatchObject({
    code: 'too_large',
  });
  await writeFile(join(dir, 'training_args.bin'), 'pickled');
  expect(await checkWith(3_600_000)(offer, dir, signal)).toMatchObject({ code: 'unexpected_file' });
}, 60_000);

it('gives none with too little time, on a limit of its own and on a fault of ours', async () => {
  const dir = await tuned('unknown');
  expect(await checkWith(3_000)(offer, dir, signal)).toBeUndefined();
  expect(await checkWith(3_600_000, { memoryBytes: 1024 ** 2 })(offer, dir, signal)).toBeUndefined();
  expect(await checkWith(3_600_000, { base: join(folder, 'none') })(offer, dir, signal)).toBeUndefined();
}, 60_000);

it('is aborted with the daemon', async () => {
  await expect(checkWith(3_600_000)(offer, await tuned('late'), AbortSignal.abort())).rejects.toThrow();
}, 60_000);
