import type { VerdictCode } from '@tuning/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { finalVerdict, judge } from '../src/stages/evaluating.ts';
import { TaskSteps } from '../src/task-steps.ts';
import { address } from './fake-chain.ts';
import { insertTask, openTempStore } from './temp-store.ts';

const taskId = 'a'.repeat(16);
const [a, b, c] = [address('A'), address('B'), address('C')];
const weights = (digit: string) => digit.repeat(64);

let steps: TaskSteps;
let opened: Awaited<ReturnType<typeof openTempStore>>;
beforeEach(async () => {
  opened = await openTempStore();
  insertTask(opened.store, taskId, 'evaluating');
  steps = new TaskSteps(opened.store.steps, taskId);
});
afterEach(() => opened.remove());

const outcome = (code: VerdictCode, weightsDigest?: string) => ({
  verdict: { code, reason: `it is ${code}` },
  kind: 'full' as const,
  ...(weightsDigest ? { weightsDigest } : {}),
  sets: {},
});

/** A member whose submission of `block` was fetched and measured on the synthetic set. */
async function submit(hotkey: string, block: number, digest: string, code: VerdictCode = 'accepted') {
  const found = { repo: 'm/t', revision: 'e'.repeat(40), digest: 'f'.repeat(32), block };
  await steps.onceMember('submission', hotkey, () => ({ found }));
  await steps.onceMember('fetch', hotkey, () => ({}));
  await steps.onceMember('synthetic', hotkey, () => outcome(code, digest));
}

const codes = (hotkeys: string[]) =>
  Object.fromEntries([...judge(steps, hotkeys)].map(([hotkey, { code }]) => [hotkey, code]));

it('keeps the weights with the one that committed them first, whoever is asked about first', async () => {
  await submit(a, 50, weights('1'));
  await submit(b, 20, weights('1'));
  await submit(c, 60, weights('1'));
  const expected = { [a]: 'copy_of_another', [b]: 'accepted', [c]: 'copy_of_another' };
  expect(codes([a, b, c])).toEqual(expected);
  expect(codes([c, b, a])).toEqual(expected);
  expect(judge(steps, [a, b, c]).get(a)).toMatchObject({
    reason: expect.stringContaining(`${b}, which committed them in block 20`),
    evidence: { original: b, weightsDigest: weights('1') },
  });
});

it('leaves different weights alone', async () => {
  await submit(a, 50, weights('1'));
  await submit(b, 50, weights('2'));
  expect(codes([a, b])).toEqual({ [a]: 'accepted', [b]: 'accepted' });
});

it('decides equal weights of one block by the hotkey, the same on every machine', async () => {
  await submit(b, 50, weights('1'));
  await submit(a, 50, weights('1'));
  expect(codes([b, a])).toEqual({ [a]: 'accepted', [b]: 'copy_of_another' });
});

it('finds a copy by its change, whatever noise hides the digest', async () => {
  const values = (list: number[]) => Buffer.from(Float32Array.from(list).buffer).toString('base64');
  const sketch = (list: number[]) => [{ name: 'w', norm: 1, values: values(list) }];
  for (const [hotkey, block, list] of [
    [a, 50, [3, -2, 1, 0]],
    [b, 20, [3, -2, 1.1, 0]],
    [c, 60, [-1, 2, 3, 1]],
  ] as const) {
    const found = { repo: 'm/t', revision: 'e'.repeat(40), digest: 'f'.repeat(32), block };
    await steps.onceMember('submission', hotkey, () => ({ found }));
    await steps.onceMember('synthetic', hotkey, () => ({
      ...outcome('accepted', weights(String(block).slice(0, 1))),
      sketch: sketch([...list]),
    }));
  }
  expect(codes([a, b, c])).toEqual({ [a]: 'copy_of_another', [b]: 'accepted', [c]: 'accepted' });
  expect(judge(steps, [a, b, c]).get(a)!.evidence).toMatchObject({ rule: 'change', original: b });
});

it('takes nobody for the original of weights that were refused themselves', async () => {
  await submit(a, 10, weights('1'), 'identical_to_base');
  await submit(b, 20, weights('1'), 'identical_to_base');
  expect(codes([a, b])).toEqual({ [a]: 'identical_to_base', [b]: 'identical_to_base' });
});

it('names what ended a submission earliest', async () => {
  await steps.onceMember('submission', a, () => ({ verdict: { code: 'late_submission', reason: 'block 101' } }));
  const found = { repo: 'm/t', revision: 'e'.repeat(40), digest: 'f'.repeat(32), block: 5 };
  await steps.onceMember('submission', b, () => ({ found }));
  await steps.onceMember('fetch', b, () => ({ verdict: { code: 'digest_mismatch', reason: 'other files' } }));
  expect(codes([a, b, c])).toEqual({ [a]: 'late_submission', [b]: 'digest_mismatch', [c]: 'no_submission' });
});

it('lets a failed test measurement outweigh the judgement, and a good one not', async () => {
  await submit(a, 10, weights('1'));
  await submit(b, 20, weights('1'));
  await submit(c, 30, weights('3'));
  await steps.onceMember('test', a, () => outcome('evaluation_limit'));
  await steps.onceMember('test', c, () => outcome('accepted', weights('3')));
  const verdicts = judge(steps, [a, b, c]);
  const final = (hotkey: string) => finalVerdict(steps, hotkey, verdicts.get(hotkey)!).code;
  expect(final(a)).toBe('evaluation_limit');
  // A copy does not become an original because the original fails later.
  expect(final(b)).toBe('copy_of_another');
  expect(final(c)).toBe('accepted');
});
