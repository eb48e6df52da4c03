import { expect, it } from 'vitest';
import { Turnstile } from '../src/turnstile.ts';

/** Work that ends when told to. */
function gate() {
  let open!: () => void;
  const done = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, done };
}

it('lets one through at a time, in order', async () => {
  const turnstile = new Turnstile(4);
  const first = gate();
  const seen: string[] = [];
  const one = turnstile.pass(async () => {
    seen.push('one begins');
    await first.done;
    seen.push('one ends');
  });
  const two = turnstile.pass(async () => seen.push('two'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(['one begins']);
  first.open();
  await Promise.all([one, two]);
  expect(seen).toEqual(['one begins', 'one ends', 'two']);
});

it('goes on after work that failed', async () => {
  const turnstile = new Turnstile(1);
  await expect(turnstile.pass(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  expect(await turnstile.pass(async () => 'next')).toBe('next');
});

it('turns away who would wait too long, and lets them in later', async () => {
  const turnstile = new Turnstile(2);
  const first = gate();
  const inside = [turnstile.pass(() => first.done), turnstile.pass(() => first.done), turnstile.pass(() => first.done)];
  await expect(async () => turnstile.pass(async () => {})).rejects.toMatchObject({ code: 'BUSY' });
  first.open();
  await Promise.all(inside);
  expect(await turnstile.pass(async () => 'in')).toBe('in');
});
