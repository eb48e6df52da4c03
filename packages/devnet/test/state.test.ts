import { expect, it } from 'vitest';
import { StateHistory } from '../src/node/state.ts';

const bytes = (value: number): Uint8Array => Uint8Array.of(value);

it('forgets the past of blocks in which keys were removed that never had a value', () => {
  const history = new StateHistory();
  history.commit(1, new Map([['0xaa', bytes(1)]]));
  history.commit(
    2,
    new Map([
      ['0xbb', undefined],
      ['0xaa', bytes(2)],
    ]),
  );
  history.commit(3, new Map([['0xaa', undefined]]));
  history.commit(4, new Map([['0xbb', bytes(4)]]));
  expect(history.changedIn(2)).toEqual(['0xaa']);
  for (let block = 1; block <= 4; block++) history.prune(block);
  expect(history.oldest).toBe(4);
  expect(history.read('0xaa', 4)).toBeUndefined();
  expect(history.keys('0x', 4)).toEqual(['0xbb']);
  expect(history.read('0xbb', 4)).toEqual(bytes(4));
});

it('keeps what the oldest readable block needs and nothing older', () => {
  const history = new StateHistory();
  for (let block = 1; block <= 6; block++) history.commit(block, new Map([['0xaa', bytes(block)]]));
  history.prune(4);
  expect([3, 4, 5, 6].map((block) => history.read('0xaa', block)?.[0])).toEqual([undefined, 4, 5, 6]);
});
