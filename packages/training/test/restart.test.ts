import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Bench, bench, trainerFile } from './fixture.ts';

const minerFile = fileURLToPath(new URL('./fixtures/miner.mjs', import.meta.url));

const starts = async (root: string, id: string) =>
  (await readFile(join(root, id, 'out', 'starts'), 'utf8')).trim().split('\n').map(Number);

/** The step of the job's checkpoint; 0 where there is none yet. */
const checkpointOf = async (root: string, id: string) =>
  Number(await readFile(join(root, id, 'out', 'checkpoint', 'step'), 'utf8').catch(() => 0));

/** Queues a job, lets another process's worker train it, and kills that process once `ready` says so. */
async function trainInKilledMiner(place: Bench, id: string, recipe: object, ready: () => boolean | Promise<boolean>) {
  const recipeFile = join(place.folder, `${id}.json`);
  await writeFile(recipeFile, JSON.stringify(recipe));
  place.store.jobs.insert({ id, kind: 'task', payload: { recipe, recipeFile } });
  const miner = spawn(process.execPath, [minerFile, place.folder, trainerFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(miner.stdout, 'data');
  await place.until('the time to kill', ready);
  miner.kill('SIGKILL');
  await once(miner, 'exit');
}

describe.concurrent('a miner that is started again', () => {
  it('takes up the training that went on without it, and does not train twice', async (context) => {
    const place = await bench(context);
    const { store, root, worker, untilEnded } = place;
    await trainInKilledMiner(
      place,
      'going-on',
      { steps: 150, stepMs: 15 },
      () => store.jobs.get('going-on')?.progress !== null,
    );
    expect(store.jobs.get('going-on')?.state).toBe('Running');
    const one = worker();
    await one.start();
    const job = await untilEnded('going-on');
    expect(job).toMatchObject({ state: 'Completed', attempts: 0, result: { steps: 150 } });
    expect(await starts(root, 'going-on')).toEqual([0]);
  });

  it('takes the result of a training that ended without it', async (context) => {
    const place = await bench(context);
    const { folder, root, worker, untilEnded, until } = place;
    await trainInKilledMiner(
      place,
      'ended',
      { steps: 30, stepMs: 20 },
      async () => (await starts(root, 'ended').catch(() => [])).length === 1,
    );
    const exit = join(folder, 'registry', 'train-ended', 'exit.json');
    await until('the end of the training', () =>
      readFile(exit).then(
        () => true,
        () => false,
      ),
    );
    await worker().start();
    expect(await untilEnded('ended')).toMatchObject({ state: 'Completed', attempts: 0, result: { steps: 30 } });
    expect(await starts(root, 'ended')).toEqual([0]);
  });

  it('goes on from the checkpoint when the machine went down with it', async (context) => {
    const place = await bench(context);
    const { folder, root, worker, untilEnded } = place;
    await trainInKilledMiner(
      place,
      'reboot',
      { steps: 100, stepMs: 15 },
      async () => (await checkpointOf(root, 'reboot')) >= 5,
    );
    const supervisor = join(folder, 'registry', 'train-reboot', 'supervisor.json');
    process.kill(JSON.parse(await readFile(supervisor, 'utf8')).pid, 'SIGKILL');
    await worker().start();
    expect(await untilEnded('reboot')).toMatchObject({ state: 'Completed', attempts: 0, result: { steps: 100 } });
    const [first, second, ...more] = await starts(root, 'reboot');
    expect(first).toBe(0);
    expect(second).toBeGreaterThanOrEqual(5);
    expect(more).toEqual([]);
  });

  it('queues a job again that was claimed but never started, and clears away what nobody wants', async (context) => {
    const { store, runner, root, folder, worker, enqueue, untilEnded } = await bench(context);
    enqueue('claimed', { steps: 2 });
    store.jobs.claim(Date.now());
    const limits = { wallMs: 60_000, memoryBytes: 2 ** 30, outputBytes: 2 ** 20, graceMs: 100 };
    const labels = { tuning: 'training', job: 'cancelled' };
    const command = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
    const stray = await runner.start({ id: 'train-cancelled', command, dir: folder, labels, limits });
    await worker().start();
    expect((await stray.wait()).outcome).toBe('stopped');
    expect(await untilEnded('claimed')).toMatchObject({ state: 'Completed', attempts: 0 });
    expect(await starts(root, 'claimed')).toEqual([0]);
  });

  it('stops with a checkpoint and resumes from it', async (context) => {
    const { store, root, worker, enqueue, until, untilEnded, runner } = await bench(context);
    enqueue('stopped', { steps: 150, stepMs: 15 });
    const first = worker();
    await first.start();
    await until('the first steps', () => store.jobs.get('stopped')?.progress !== null);
    await first.stop();
    expect(store.jobs.get('stopped')).toMatchObject({ state: 'Queued', attempts: 0 });
    expect(await runner.adopt({})).toEqual([]);
    const at = Number(await readFile(join(root, 'stopped', 'out', 'checkpoint', 'step'), 'utf8'));
    await worker().start();
    expect(await untilEnded('stopped')).toMatchObject({ state: 'Completed', attempts: 0 });
    expect(await starts(root, 'stopped')).toEqual([0, at]);
  });

  it('can leave its jobs running when it stops', async (context) => {
    const { store, root, worker, enqueue, until, untilEnded } = await bench(context);
    enqueue('detached', { steps: 150, stepMs: 15 });
    const first = worker();
    await first.start();
    await until('the first steps', () => store.jobs.get('detached')?.progress !== null);
    await first.stop({ detach: true });
    expect(store.jobs.get('detached')?.state).toBe('Running');
    await worker().start();
    expect(await untilEnded('detached')).toMatchObject({ state: 'Completed', attempts: 0 });
    expect(await starts(root, 'detached')).toEqual([0]);
  });
});
