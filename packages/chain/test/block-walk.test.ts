import { silentLogger, TransientError } from '@tuning/kit';
import { expect, it } from 'vitest';
import type { BlockRef } from '../src/block-ref.ts';
import { type BlockWalk, walkBlocks } from '../src/block-walk.ts';

/** A chain that grows when told; reads can be made to fail. */
class FakeChain {
  head = 0;
  readonly failing = new Map<number, { code: string; times: number }>();
  readonly seen: string[] = [];
  readonly end = new AbortController();
  #wake: (() => void)[] = [];

  grow(to: number): void {
    this.head = to;
    for (const wake of this.#wake.splice(0)) wake();
  }

  walk(fromBlock: number, last: number, more: Partial<BlockWalk<string>> = {}): Promise<void> {
    return walkBlocks<string>({
      fromBlock,
      waitFor: async (number, signal) => {
        while (this.head < number) {
          await new Promise<void>((resolve, reject) => {
            this.#wake.push(resolve);
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          });
        }
        return { number: this.head, hash: `h${this.head}` };
      },
      hashOf: async (number) => `h${number}`,
      read: async (block) => {
        // Later blocks answer first: the order must not depend on it.
        await new Promise((resolve) => setTimeout(resolve, (50 - block.number) / 10));
        const failure = this.failing.get(block.number);
        if (failure && failure.times-- > 0) throw new TransientError(failure.code, 'no');
        return `content ${block.number}`;
      },
      recover: async () => [],
      onBlock: async (block: BlockRef, content) => {
        this.seen.push(`${block.number} ${block.hash} ${content}`);
        if (block.number === last) this.end.abort();
      },
      signal: this.end.signal,
      logger: silentLogger,
      ...more,
    });
  }

  expected(from: number, to: number): string[] {
    return Array.from({ length: to - from + 1 }, (_, at) => `${from + at} h${from + at} content ${from + at}`);
  }
}

it('hands over every block in order, also when heads skip some', async () => {
  const chain = new FakeChain();
  chain.grow(20);
  const walking = chain.walk(5, 33);
  await new Promise((resolve) => setTimeout(resolve, 20));
  chain.grow(21);
  chain.grow(33);
  await walking;
  expect(chain.seen).toEqual(chain.expected(5, 33));
});

it('reads a block again until it can, without skipping or repeating one', async () => {
  const chain = new FakeChain();
  chain.failing.set(3, { code: 'CHAIN_RPC_ERROR', times: 2 });
  chain.grow(12);
  await chain.walk(1, 12);
  expect(chain.seen).toEqual(chain.expected(1, 12));
});

it('takes what can be recovered of blocks whose state is gone, then goes on', async () => {
  const chain = new FakeChain();
  for (const number of [1, 2, 3]) chain.failing.set(number, { code: 'CHAIN_STATE_PRUNED', times: 99 });
  chain.grow(6);
  const recover = async (from: number) =>
    [1, 2, 3]
      .slice(from - 1)
      .map((number) => ({ block: { number, hash: `h${number}` }, content: `recovered ${number}` }));
  await chain.walk(1, 6, { recover });
  expect(chain.seen).toEqual(['1 h1 recovered 1', '2 h2 recovered 2', '3 h3 recovered 3', ...chain.expected(4, 6)]);
});

it('ends when aborted while waiting, and passes on what the handler throws', async () => {
  const chain = new FakeChain();
  const waiting = chain.walk(1, 99);
  chain.end.abort();
  await waiting;
  const other = new FakeChain();
  other.grow(2);
  const failing = other.walk(1, 9, {
    onBlock: async () => {
      throw new Error('disk full');
    },
  });
  await expect(failing).rejects.toThrow('disk full');
});
