import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, silentLogger } from '@tuning/kit';
import { openMinerStore } from '@tuning/store';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inFakeTime, passTimeUntil, useFakeTime } from '../../../test/fakes/fake-time.ts';
import { SmallDisk } from '../../../test/small-disk.ts';
import { Submitter } from '../src/submitter.ts';
import { FakeChain } from './fake-chain.ts';
import { FakeHub } from './fake-hub.ts';
import { offer } from './temp-store.ts';

const DEADLINE = 200;
const { taskId } = offer;

const disk = SmallDisk.mount(12 * 1024 ** 2);
afterAll(() => disk?.unmount());

let errors: { message: string; code?: string; error?: string }[];
beforeEach(() => {
  errors = [];
  useFakeTime();
});
afterEach(() => {
  vi.useRealTimers();
  disk?.free();
});
const note = (facts: object | string, message = '') => void errors.push({ ...(facts as object), message });
const logger: Logger = { ...silentLogger, error: note, child: () => logger };
/** A miner with a trained model on the small disk. */
async function trained(name: string, blocksLeft = 15) {
  const folder = join(disk!.folder, name);
  const dir = join(folder, 'jobs', `task-${taskId}`);
  const modelDir = join(dir, 'out', 'model');
  await mkdir(modelDir, { recursive: true });
  await writeFile(join(modelDir, 'model.safetensors'), 'weights');
  await writeFile(join(dir, 'out', 'log.jsonl'), '');
  await writeFile(join(dir, 'recipe.yml'), 'adapter: lora\n');
  const store = await openMinerStore(join(folder, 'miner.sqlite'));
  const result = { modelDir, steps: 3, finalLoss: 1.25 };
  const jobId = `task-${taskId}`;
  store.jobs.insert({ id: jobId, kind: 'task', payload: { kind: 'task', taskId }, state: 'Completed', result });
  const own = { ...offer, deadlineBlock: DEADLINE };
  store.assignments.insert({ taskId, validator: 'V', offer: own, jobId, state: 'publishing' });
  const chain = new FakeChain(DEADLINE - blocksLeft);
  const hub = new FakeHub(chain);
  const life = new AbortController();
  const submitter = new Submitter({
    chain: chain.asChain(),
    hub: hub.asHub(),
    hotkey: { address: `5${'M'.repeat(47)}`, publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) },
    ...{ netuid: 2, namespace: 'm', jobs: store.jobs, assignments: store.assignments, logger },
    jobFolder: (id) => join(folder, 'jobs', id),
    signal: life.signal,
  });
  /** No room on the disk, and none inside the store's files either. */
  const fill = () => {
    disk!.fill();
    for (let n = 0; n < 5_000; n += 1) {
      try {
        store.jobs.insert({ id: `more-${n}`, kind: 'own', payload: 'x'.repeat(100) });
      } catch {
        return;
      }
    }
    throw new Error('the store found room for everything');
  };
  /** As another process reads it. */
  const stored = async () => {
    const again = await openMinerStore(join(folder, 'miner.sqlite'));
    const state = again.assignments.get(taskId)?.state;
    again.close();
    return state;
  };
  const end = async () => {
    life.abort(new Error('the daemon stops'));
    await inFakeTime(submitter.settle());
    store.close();
    await rm(folder, { recursive: true });
  };
  return { chain, hub, store, submitter, fill, stored, end };
}

/** Fills the disk after the first push, or commitment; then anew after each, while `isEvery`: a few bytes may come free by themselves. */
function fillAfter(
  when: 'push' | 'commit',
  { chain, hub, fill }: { chain: FakeChain; hub: FakeHub; fill: () => void },
  isEvery = () => false,
): void {
  const target = (when === 'push' ? hub : chain) as unknown as Record<string, (args: unknown) => Promise<unknown>>;
  const call = when === 'push' ? 'publish' : 'commit';
  const real = target[call]!;
  target[call] = async (args) => {
    const answer = await real(args);
    if (!isEvery()) target[call] = real;
    fill();
    return answer;
  };
}

describe.skipIf(!disk)('a disk that fills up under a submission', () => {
  it.each(['push', 'commit'] as const)(
    'while its %s is under way is told, and goes on once there is room',
    async (when) => {
      const miner = await trained(when);
      const { chain, hub, store, submitter, stored, end } = miner;
      fillAfter(when, miner);
      submitter.start(taskId);
      await passTimeUntil(() => errors.length > 0);
      expect(errors).toMatchObject([
        { code: 'DISK_FULL', message: expect.stringMatching(/^the disk is full: free some space; trying again/) },
      ]);
      expect(store.assignments.get(taskId)?.state).toBe(when === 'push' ? 'publishing' : 'committing');
      disk!.free();
      await passTimeUntil(() => store.assignments.get(taskId)?.state === 'committed');
      expect(await stored()).toBe('committed');
      // A commitment that is in a block already is not sent again; a push of the same files is none for the hub.
      expect(chain.sent).toHaveLength(1);
      expect(chain.slot!.block).toBeLessThanOrEqual(DEADLINE);
      expect(new Set(hub.published.map((push) => JSON.stringify(push))).size).toBe(1);
      expect(errors).toHaveLength(1);
      await end();
    },
    60_000,
  );

  it('until its deadline is over, with the commitment in a block before it, loses nothing', async () => {
    const miner = await trained('late', 4);
    const { chain, store, submitter, stored, end } = miner;
    fillAfter('commit', miner);
    submitter.start(taskId);
    await passTimeUntil(() => chain.head.number > DEADLINE + 30);
    disk!.free();
    await passTimeUntil(() => store.assignments.get(taskId)?.state === 'published');
    expect([await stored(), store.assignments.get(taskId)?.commitBlock]).toEqual(['published', chain.slot!.block]);
    expect(errors.map(({ code }) => code)).toEqual(['DISK_FULL']);
    await end();
  }, 60_000);

  it('until its deadline is over, with nothing committed, ends it with the reason once there is room to note it', async () => {
    const miner = await trained('lost', 2);
    const { store, submitter, stored, end } = miner;
    fillAfter('push', miner, () => true);
    submitter.start(taskId);
    await passTimeUntil(() => errors.some(({ message }) => message === 'submission lost'));
    expect(store.assignments.get(taskId)?.state).toBe('publishing');
    disk!.free();
    await passTimeUntil(() => store.assignments.get(taskId)?.state === 'failed');
    expect(await stored()).toBe('failed');
    expect(store.assignments.get(taskId)?.message).toMatch(
      /was not pushed to the hub by the deadline block 200: .*disk is full/,
    );
    await end();
  }, 60_000);
});
