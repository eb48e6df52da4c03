import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import {
  BadInputError,
  exitCodeOf,
  OperatorError,
  retry,
  Secret,
  ShutdownStack,
  sleep,
  TransientError,
  waitFor,
  withDeadline,
  writeFileAtomic,
} from '../src/index.ts';

describe('deadlines', () => {
  it('end work that ignores its signal', async () => {
    await expect(withDeadline('a nap', 20, () => new Promise(() => {}))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });

  it('hand the abort of the caller on', async () => {
    const controller = new AbortController();
    const run = withDeadline('a nap', 5_000, (signal) => sleep(5_000, signal), controller.signal);
    controller.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    await expect(sleep(10, controller.signal)).rejects.toThrow('enough');
  });

  it('poll until something is there', async () => {
    let calls = 0;
    expect(await waitFor('three', () => (++calls === 3 ? calls : undefined), { ms: 1_000, everyMs: 1 })).toBe(3);
  });
});

describe('retry', () => {
  it('tries again after a passing fault only', async () => {
    const work = vi.fn(async (attempt: number) => {
      if (attempt < 3) throw new TransientError('X', 'soon');
      return attempt;
    });
    expect(await retry(work, { baseMs: 1, maxMs: 2 })).toBe(3);
    const final = vi.fn(async () => {
      throw new BadInputError('X', 'never');
    });
    await expect(retry(final, { baseMs: 1 })).rejects.toThrow('never');
    expect(final).toHaveBeenCalledTimes(1);
  });
});

it('closes in reverse order, and one failure keeps nothing open', async () => {
  const order: string[] = [];
  const stack = new ShutdownStack({ itemMs: 20 });
  stack.push('a', () => void order.push('a'));
  stack.push('b', () => {
    throw new Error('no');
  });
  stack.push('c', () => new Promise(() => {}));
  stack.push('d', async () => void order.push('d'));
  await stack.close();
  expect(order).toEqual(['d', 'a']);
});

it('hides secrets', () => {
  const secret = new Secret('hf_x');
  expect(`${secret}${JSON.stringify({ secret })}${inspect({ secret })}`).not.toContain('hf_x');
  expect(secret.reveal()).toBe('hf_x');
});

it('writes files whole, with their mode and without leftovers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kit-'));
  await writeFileAtomic(join(folder, 'f'), 'one');
  await writeFileAtomic(join(folder, 'f'), 'two');
  expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('two');
  expect(readdirSync(folder)).toEqual(['f']);
  expect(statSync(join(folder, 'f')).mode & 0o777).toBe(0o600);
});

it('tells the operator by the exit code', () => {
  expect(exitCodeOf(new OperatorError('A', 'b'))).toBe(78);
  expect(exitCodeOf(new Error('b'))).toBe(1);
});
