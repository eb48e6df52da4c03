import { TransientError } from '@tuning/kit';
import { expect, it } from 'vitest';
import type { CommitmentCall } from '../src/commitment-extrinsics.ts';
import { CommitmentRecovery } from '../src/commitment-recovery.ts';
import { captureLog } from './captured-log.ts';
import { FakeContext, ME, OTHER } from './fake-context.ts';

const hash = (number: number) => `0x${number.toString(16).padStart(64, '0')}`;
const row = (block: number, text: string) => ({ deposit: 0, block, info: { fields: [{ raw1: text }] } });
const call = (hotkey: string, text: string, more: Partial<CommitmentCall> = {}): CommitmentCall => ({
  hotkey,
  fields: [text],
  fieldCount: 1,
  space: 100,
  nested: false,
  ...more,
});

/** States from block 12 on are there, bodies of all blocks; the slots are those of any state. */
function recovery(slots: [string, ReturnType<typeof row>][], bodies: Record<number, CommitmentCall[] | undefined>) {
  const context = new FakeContext({
    number: 0,
    tempo: 3,
    maxSpace: 250,
    keys: [
      [0, ME],
      [1, OTHER],
    ],
    blockAtRegistration: [
      [0, 1],
      [1, 6],
    ],
    commitmentOf: slots,
  });
  const read = context.read.bind(context);
  const asked: string[] = [];
  context.read = async (what, work, options = {}) => {
    asked.push(options.at ?? '');
    if ((options.at ?? '') < hash(12)) throw new TransientError('CHAIN_STATE_PRUNED', 'gone');
    return read(what, work, options);
  };
  const log = captureLog();
  const calls: number[] = [];
  const made = new CommitmentRecovery({
    context,
    netuid: 2,
    hashOf: async (number) => hash(number),
    callsOf: async ({ number }) => {
      calls.push(number);
      return number in bodies ? bodies[number] : [];
    },
    logger: log.logger,
  });
  return { made, asked, calls, lines: log.lines };
}

const flat = (blocks: { content: object[] }[]) => blocks.flatMap(({ content }) => content);

it('places what the slots show of dropped blocks, up to the oldest state that is there', async () => {
  const { made, asked } = recovery(
    [
      [ME, row(7, '0x61')],
      [OTHER, row(40, '0x62')],
    ],
    {},
  );
  const blocks = await made.recover(5, 60);
  expect(blocks.map(({ block }) => block)).toEqual(
    [5, 6, 7, 8, 9, 10, 11].map((number) => ({ number, hash: hash(number) })),
  );
  expect(flat(blocks)).toEqual([{ hotkey: ME, block: 7, fields: ['a'] }]);
  expect(asked.length).toBeLessThan(10);
});

it('finds overwritten commitments in the bodies, and tells which had no reason to fail', async () => {
  const { made, lines } = recovery(
    [
      [ME, row(11, '0x63')],
      [OTHER, row(40, '0x62')],
    ],
    {
      5: [call(ME, 'first'), call(OTHER, 'before its registration')],
      8: [call(ME, 'second')],
      9: [call(OTHER, 'registered'), call(ME, 'batched', { nested: true })],
      10: [call(ME, 'four fields', { fieldCount: 4 })],
      11: [call(ME, 'what the body says'), call(`5${'C'.repeat(47)}`, 'a stranger’s')],
    },
  );
  expect(flat(await made.recover(5, 60))).toEqual([
    { hotkey: ME, block: 5, fields: ['first'] },
    { hotkey: OTHER, block: 5, fields: ['before its registration'], unproven: true },
    { hotkey: ME, block: 8, fields: ['second'] },
    { hotkey: OTHER, block: 9, fields: ['registered'] },
    { hotkey: ME, block: 9, fields: ['batched'], unproven: true },
    // The state's own word, not the body's.
    { hotkey: ME, block: 11, fields: ['c'] },
  ]);
  expect(lines).toMatchObject([{ level: 'warn', context: { from: 5, to: 11, unproven: 2, bodiless: 0 } }]);
});

it('knows what failed by a slot that is older, or not there', async () => {
  const { made } = recovery([[ME, row(6, '0x61')]], {
    6: [call(ME, 'a')],
    9: [call(ME, 'refused'), call(OTHER, 'no slot')],
  });
  expect(flat(await made.recover(5, 60))).toEqual([{ hotkey: ME, block: 6, fields: ['a'] }]);
});

it('counts the space of an epoch, that of the blocks before the gap, too', async () => {
  const three = { 8: [call(ME, 'a')], 9: [call(ME, 'b')], 10: [call(ME, 'c')] };
  const { made, calls } = recovery([[ME, row(40, '0x61')]], three);
  const unproven = (blocks: { content: { unproven?: true; block: number }[] }[]) =>
    blocks.flatMap(({ content }) => content.filter((one) => one.unproven).map(({ block }) => block));
  expect(unproven(await made.recover(10, 60))).toEqual([10]);
  expect(calls).toEqual([6, 7, 8, 9, 10, 11]);
  expect(unproven(await recovery([[ME, row(40, '0x61')]], { ...three, 10: [] }).made.recover(8, 60))).toEqual([]);
});

it('says so where the endpoint has no bodies either', async () => {
  const { made, lines } = recovery([[ME, row(7, '0x61')]], { 7: undefined, 8: undefined });
  expect(flat(await made.recover(7, 60))).toEqual([{ hotkey: ME, block: 7, fields: ['a'] }]);
  expect(lines).toMatchObject([{ level: 'warn', context: { bodiless: 2 } }]);
});
