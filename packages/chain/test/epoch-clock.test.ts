import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type EpochClock, epochAt, readEpochClock, revealWindow, startOfEpoch } from '../src/epoch-clock.ts';
import { readWeightCommits } from '../src/weight-commits.ts';
import { FakeContext, ME, OTHER } from './fake-context.ts';

function clockOf(storage: Record<string, unknown>, block: number, netuid = 2): Promise<EpochClock> {
  return new FakeContext(storage).read('x', (state) => readEpochClock(state, netuid, block));
}

it('foretells the epochs of a runtime that counts them', async () => {
  const arbitrary = fc.record({
    tempo: fc.integer({ min: 1, max: 40 }),
    last: fc.nat(200),
    since: fc.nat(60),
    pendingIn: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ tempo, last, since, pendingIn }) => {
      const block = last + Math.min(since, tempo - 1);
      let [index, lastEpochBlock, pendingEpochAt] = [9, last, pendingIn === undefined ? 0 : block + pendingIn];
      const clock = await clockOf(
        { tempo, subnetEpochIndex: index, lastEpochBlock, pendingEpochAt, revealPeriodEpochs: 1 },
        block,
      );
      // should_run_epoch, block by block.
      for (let at = block + 1; at < block + 200; at++) {
        if (at - lastEpochBlock >= tempo || (pendingEpochAt > 0 && at >= pendingEpochAt)) {
          index++;
          lastEpochBlock = at;
          pendingEpochAt = 0;
          expect(startOfEpoch(clock, index)).toBe(at);
        }
        expect(epochAt(clock, at)).toBe(index);
      }
    }),
  );
});

it('foretells the epochs of a runtime that divides, as spec 293', async () => {
  const arbitrary = fc.record({ tempo: fc.integer({ min: 1, max: 50 }), block: fc.nat(5_000), netuid: fc.nat(60) });
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ tempo, block, netuid }) => {
      const clock = await clockOf({ tempo, revealPeriodEpochs: 1 }, block, netuid);
      const index = (at: number) => Math.floor((at + netuid + 1) / (tempo + 1));
      for (let at = block; at < block + 120; at++) expect(epochAt(clock, at)).toBe(index(at));
      expect(index(clock.nextStart)).toBe(clock.epoch + 1);
      expect(index(clock.nextStart - 1)).toBe(clock.epoch);
    }),
  );
});

it('knows a subnet without epochs, and the window of a reveal', async () => {
  const counted = { subnetEpochIndex: 3, lastEpochBlock: 40, pendingEpochAt: 0, revealPeriodEpochs: 2 };
  expect((await clockOf({ ...counted, tempo: 0 }, 50)).nextStart).toBe(Number.POSITIVE_INFINITY);
  expect(revealWindow(await clockOf({ ...counted, tempo: 20 }, 50), 3)).toEqual({ from: 80, until: 100 });
  // An epoch that crowded blocks have put off is due in the next one.
  expect((await clockOf({ ...counted, tempo: 5 }, 50)).nextStart).toBe(51);
});

it('reads the commits of one hotkey, in both forms and both layouts', async () => {
  const [hash, cipher] = [`0x${'ab'.repeat(32)}`, '0x0102'];
  const storage = {
    tempo: 20,
    subnetEpochIndex: 3,
    lastEpochBlock: 40,
    pendingEpochAt: 0,
    weightCommits: [[hash, 2, 39, 0]],
    timelockedWeightCommits: [
      [
        3,
        [
          [OTHER, 41, cipher, 8],
          [ME, 45, cipher, 9],
        ],
      ],
      [2, [[ME, 30, cipher, 7]]],
    ],
  };
  const read = (from: Record<string, unknown>) =>
    new FakeContext(from).read('x', async (state) =>
      readWeightCommits(state, 2, ME, await readEpochClock(state, 2, 50)),
    );
  expect(await read(storage)).toEqual([
    { form: 'timelocked', block: 30, epoch: 2, round: 7, content: Uint8Array.of(1, 2) },
    { form: 'commit-reveal', block: 39, epoch: 2, round: undefined, content: new Uint8Array(32).fill(0xab) },
    { form: 'timelocked', block: 45, epoch: 3, round: 9, content: Uint8Array.of(1, 2) },
  ]);
  // Spec 293: (hash, block, first, last); blocks 39 to 59 are epoch 2 of netuid 2 with tempo 20.
  for (const [block, epoch] of [
    [17, 0],
    [18, 1],
    [38, 1],
    [39, 2],
    [50, 2],
  ]) {
    const [commit] = await read({ tempo: 20, weightCommits: [[hash, block, 60, 80]] });
    expect(commit, `block ${block}`).toMatchObject({ block, epoch });
  }
});
