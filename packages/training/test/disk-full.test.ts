import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, silentLogger, sleep } from '@tuning/kit';
import { openMinerStore } from '@tuning/store';
import { afterAll, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../../test/small-disk.ts';
import { trainingProgressSchema } from '../src/outcome.ts';
import { bench } from './fixture.ts';

const disk = SmallDisk.mount(6 * 1024 ** 2);
afterAll(() => disk?.unmount());

/** What the worker tells the operator: errors, and the reasons of its warnings. */
function recording(): { errors: string[]; warnings: string[]; logger: Logger } {
  const errors: string[] = [];
  const warnings: string[] = [];
  const warn = (facts: object | string) => void warnings.push((facts as { reason?: string }).reason ?? '');
  const error = (facts: object | string, message?: string) => void errors.push(message ?? String(facts));
  const logger: Logger = { ...silentLogger, error, warn, child: () => logger };
  return { errors, warnings, logger };
}

describe.skipIf(!disk)('on a disk that is full', () => {
  it('a preparation waits for room without counting as a try, and leaves nothing half done', async (context) => {
    const { store, root, worker, enqueue, until, untilEnded } = await bench(context, disk!.folder);
    enqueue('large', { steps: 2 });
    let room = false;
    await worker({
      prepare: async (_, dir) => {
        if (!room) await writeFile(join(dir, 'model.part'), Buffer.alloc(8 * 1024 ** 2));
        await writeFile(join(dir, 'recipe.yml'), '{"steps": 2}');
      },
    }).start();
    await until('the first try', () => store.jobs.get('large')?.error !== null);
    expect(store.jobs.get('large')).toMatchObject({
      state: 'Queued',
      attempts: 0,
      error: expect.stringMatching(/^could not prepare the training: ENOSPC: no space left on device/),
    });
    await expect(access(join(root, 'large', 'model.part'))).rejects.toMatchObject({ code: 'ENOENT' });
    room = true;
    expect(await untilEnded('large')).toMatchObject({ state: 'Completed', attempts: 0 });
  });

  it('a trainer goes on from its checkpoint once there is room, and its curve has no step twice', async (context) => {
    const { root, store, worker, enqueue, until, untilEnded } = await bench(context, disk!.folder);
    context.onTestFinished(() => disk!.free());
    const { warnings, logger } = recording();
    enqueue('steps', { steps: 80, stepMs: 15 });
    const one = worker({ logger });
    await one.start();
    const step = () => trainingProgressSchema.safeParse(store.jobs.get('steps')?.progress).data?.step ?? 0;
    await until('a checkpoint', () => step() >= 5);
    disk!.fill();
    // Until the page that its log has begun is full, the trainer finds room.
    await sleep(1_500);
    disk!.free();
    expect(await untilEnded('steps')).toMatchObject({ state: 'Completed', attempts: 0 });
    expect(warnings.filter((line) => /the disk is full|interrupted/.test(line))).toHaveLength(1);
    expect((await readFile(join(root, 'steps', 'out', 'starts'), 'utf8')).trim().split('\n')).toHaveLength(2);
    // The line that the full disk cut short takes the one after it along.
    const steps = (await one.curve('steps')).map((point) => point.step);
    expect(new Set(steps).size).toBe(steps.length);
    expect(steps.length).toBeGreaterThanOrEqual(79);
  });

  it('the end of a job is noted when there is room again, once; the operator is told, and the store stays whole', async (context) => {
    const { folder, store, worker, enqueue, until, ended } = await bench(context, disk!.folder);
    context.onTestFinished(() => disk!.free());
    const { errors, logger } = recording();
    enqueue('ends', { steps: 1 });
    await worker({
      logger,
      prepare: async (_, dir) => {
        await writeFile(join(dir, 'recipe.yml'), '{"steps": 1, "fail": "input"}');
      },
      onEnd: (job) => {
        if (ended.length === 0 && errors.length === 0) {
          disk!.fill();
          // What is free inside the store's files goes, too.
          for (let n = 0; n < 500; n += 1)
            store.jobs.insert({ id: `more-${n}`, kind: 'own', payload: 'x'.repeat(4_000) });
        }
        ended.push(job);
      },
    }).start();
    await until('the complaint', () => errors.length > 0);
    expect(errors[0]).toBe('the disk is full: free some space; trying again');
    expect(ended).toEqual([]);
    disk!.free();
    await until('the end', () => ended.length > 0);
    expect(ended.map(({ id, state }) => `${id} ${state}`)).toEqual(['ends Failed']);
    const again = await openMinerStore(join(folder, 'miner.db'));
    expect(again.jobs.get('ends')?.state).toBe('Failed');
    again.close();
  });
});
