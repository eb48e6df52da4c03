import { cp, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GIB, type Logger, silentLogger, sleep, waitFor } from '@tuning/kit';
import { createProcessRunner } from '@tuning/runner';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../../test/small-disk.ts';
import { createSelfCheck } from '../src/self-check.ts';
import { offer } from './temp-store.ts';

const BASE = fileURLToPath(new URL('../../devnet/assets/tiny-llama', import.meta.url));
const { taskId } = offer;

const disk = SmallDisk.mount(12 * 1024 ** 2);
afterAll(() => disk?.unmount());

let errors: { message: string }[];
beforeEach(() => {
  errors = [];
});
afterEach(() => disk?.free());
const note = (facts: object | string, message = '') => void errors.push({ ...(facts as object), message });
const logger: Logger = { ...silentLogger, error: note, child: () => logger };
const until = (what: string, check: () => boolean | Promise<boolean>) =>
  waitFor(what, async () => ((await check()) ? true : undefined), { ms: 40_000, everyMs: 20 });

describe.skipIf(!disk)('a disk that is full for a self-check', () => {
  async function checking(name: string, before: () => void) {
    const folder = join(disk!.folder, name);
    const runner = await createProcessRunner({ root: join(folder, 'registry'), logger });
    await mkdir(join(folder, 'checks'));
    const model = join(folder, 'model');
    await cp(BASE, model, { recursive: true });
    before();
    const check = createSelfCheck({
      models: { use: (_, work) => work(BASE) },
      ...{ runner, root: join(folder, 'checks'), memoryBytes: 2 * GIB, threads: 1, logger },
      msUntil: () => 600_000,
    });
    const verdict = check({ ...offer, maxModelBytes: GIB }, model, new AbortController().signal);
    return { folder, verdict, close: () => runner.close() };
  }

  it('before it begins: it is told and waited for, and the model is judged all the same', async () => {
    const { folder, verdict, close } = await checking('before', () => disk!.fill());
    await until('the complaint', () => errors.length > 0);
    expect(errors).toMatchObject([{ message: expect.stringMatching(/^the disk is full/) }]);
    disk!.free();
    expect(await verdict).toMatchObject({ code: 'identical_to_base' });
    expect(await readdir(join(folder, 'checks'))).toEqual([]);
    await close();
  }, 60_000);

  it('while it runs: the same', async () => {
    const { folder, verdict, close } = await checking('during', () => {});
    const job = join(folder, 'registry', `check-${taskId}`);
    await until('the job', () =>
      stat(join(job, 'process.json')).then(
        () => true,
        () => false,
      ),
    );
    disk!.fill();
    await until('the complaint', () => errors.length > 0);
    // Longer than the pause between two looks, which tell the operator once.
    await sleep(2_500);
    expect(errors).toHaveLength(1);
    disk!.free();
    expect(await verdict).toMatchObject({ code: 'identical_to_base' });
    expect([await readdir(join(folder, 'checks')), await readdir(join(folder, 'registry'))]).toEqual([[], []]);
    await close();
  }, 60_000);
});
