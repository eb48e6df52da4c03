import { expect, it } from 'vitest';
import { AccountQueue } from '../src/account-queue.ts';

const never = new AbortController().signal;

it('lets one writer per account go at a time, in order, and other accounts at once', async () => {
  const queue = new AccountQueue();
  const order: string[] = [];
  const write = async (account: string, name: string, ms: number) => {
    const turn = await queue.turn(account, never);
    order.push(`${name} starts`);
    await new Promise((resolve) => setTimeout(resolve, ms));
    order.push(`${name} ends`);
    turn.release();
    turn.release();
  };
  await Promise.all([write('a', 'a1', 30), write('a', 'a2', 0), write('a', 'a3', 0), write('b', 'b1', 0)]);
  expect(order).toEqual([
    'a1 starts',
    'b1 starts',
    'b1 ends',
    'a1 ends',
    'a2 starts',
    'a2 ends',
    'a3 starts',
    'a3 ends',
  ]);
});

it('counts nonces itself and reads them again when in doubt', async () => {
  const queue = new AccountQueue();
  let reads = 0;
  const read = async () => {
    reads++;
    return 7;
  };
  const turn = await queue.turn('a', never);
  expect(await queue.nonce(turn, read)).toBe(7);
  queue.used(turn, 7);
  expect(await queue.nonce(turn, read)).toBe(8);
  expect(reads).toBe(1);
  queue.forget(turn);
  expect(await queue.nonce(turn, read)).toBe(7);
  queue.used(turn, 7);
  queue.forgetAll();
  expect(await queue.nonce(turn, read)).toBe(7);
  expect(reads).toBe(3);
});

it('skips a writer that gave up waiting', async () => {
  const queue = new AccountQueue();
  const first = await queue.turn('a', never);
  const impatient = new AbortController();
  const second = queue.turn('a', impatient.signal);
  const third = queue.turn('a', never);
  impatient.abort(new Error('gave up'));
  await expect(second).rejects.toThrow('gave up');
  first.release();
  expect((await third).address).toBe('a');
});
