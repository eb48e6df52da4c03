import { logger as polkadotLogger } from '@polkadot/util';
import { type Logger, silentLogger } from '@tuning/kit';
import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => vi.restoreAllMocks());

it('takes polkadot.js out of the console and nothing else', async () => {
  const printed: unknown[][] = [];
  for (const method of ['log', 'warn', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((...args) => printed.push(args));
  }
  const { divertPolkadotLog } = await import('../src/polkadot-log.ts');
  const taken: unknown[] = [];
  const logger = { ...silentLogger, debug: (context: object | string) => taken.push(context) } as Logger;
  divertPolkadotLog(logger);
  const theirs = polkadotLogger('api/init');
  theirs.error('request failed');
  theirs.warn('unknown extension');
  theirs.log('runtime upgrade');
  console.log('ours');
  console.error('2026-01-31 12:00:00', 'a plain text');
  expect(printed).toEqual([['ours'], ['2026-01-31 12:00:00', 'a plain text']]);
  expect(taken).toEqual(
    ['request failed', 'unknown extension', 'runtime upgrade'].map((says) => ({ origin: 'API/INIT', says })),
  );
});
