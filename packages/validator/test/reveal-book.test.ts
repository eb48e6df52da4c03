import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chain, HashedWeights } from '@tuning/chain';
import { silentLogger, TransientError, TuningError } from '@tuning/kit';
import { describe, expect, it } from 'vitest';
import { RevealBook } from '../src/reveal-book.ts';

const pending = (salt: number): HashedWeights => ({
  netuid: 2,
  hotkey: 'H',
  uids: [1],
  values: [65_535],
  salt: [salt],
  versionKey: '0',
});
const hotkey = { address: 'H', publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) };
const { signal } = new AbortController();

/** Answers each reveal with the next outcome: a block, or an error. */
function fakeChain(outcomes: (number | Error)[]) {
  const asked: number[] = [];
  const revealWeights = async ({ pending: given }: { pending: HashedWeights }) => {
    asked.push(given.salt[0]!);
    const outcome = outcomes.shift();
    if (outcome instanceof Error) throw outcome;
    return { block: { number: outcome!, hash: '0x' }, uids: [], values: [] };
  };
  return { chain: { revealWeights } as unknown as Chain, asked };
}

describe('RevealBook', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'book-')), 'book.json');

  it('keeps a salt across lives and forgets it when its weights are revealed', async () => {
    await new RevealBook(file, silentLogger).keep(pending(1));
    await new RevealBook(file, silentLogger).keep(pending(2));
    const early = new TransientError('REVEAL_TOO_EARLY', 'wait', { details: { blocksToWait: 7 } });
    const { chain, asked } = fakeChain([100, early]);
    expect(await new RevealBook(file, silentLogger).settle(chain, hotkey, signal)).toBe(7);
    expect(asked).toEqual([1, 2]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([pending(2)]);
  });

  it('lets go of what the chain does not take any more, and of nothing else', async () => {
    const lost = fakeChain([new TransientError('CHAIN_DISCONNECTED', 'gone')]);
    await expect(new RevealBook(file, silentLogger).settle(lost.chain, hotkey, signal)).rejects.toThrow('gone');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveLength(1);
    const expired = fakeChain([new TuningError('EXPIRED_WEIGHT_COMMIT', 'too late')]);
    expect(await new RevealBook(file, silentLogger).settle(expired.chain, hotkey, signal)).toBeUndefined();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([]);
  });
});
