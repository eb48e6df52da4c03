import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@tuning/kit';
import { createWallet, type WalletRef } from '@tuning/wallet';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { assertSubnet, ensureRegistered, formatTao, type RegistrationArgs } from '../src/registration.ts';
import { FakeChain, fakeNeuron } from './fake-chain.ts';

const path = mkdtempSync(join(tmpdir(), 'wallets-'));
const wallet: WalletRef = { name: 'alice', hotkey: 'worker', path };
let coldkey: string;
let hotkey: string;
let chain: FakeChain;

beforeAll(async () => {
  const made = await createWallet(wallet);
  coldkey = made.coldkey.address;
  hotkey = made.hotkey.address;
});
afterAll(() => rmSync(path, { recursive: true }));
beforeEach(() => {
  chain = new FakeChain();
});

const ensure = (more: Partial<RegistrationArgs> = {}) =>
  ensureRegistered({
    chain: chain.asChain(),
    netuid: 2,
    hotkey,
    wallet,
    register: true,
    maxBurn: 1,
    password: async () => {
      throw new Error('nobody is there to ask');
    },
    logger: silentLogger,
    signal: new AbortController().signal,
    ...more,
  });

describe('a hotkey that is registered', () => {
  it('keeps its uid and burns nothing, whatever the flags say', async () => {
    chain.neurons = [fakeNeuron(4, hotkey)];
    expect(await ensure()).toBe(4);
    expect(await ensure({ register: false, maxBurn: 0 })).toBe(4);
    expect(chain.registered).toEqual([]);
  });
});

describe('a hotkey that is not', () => {
  it('without --register is told both ways to do it, and the price', async () => {
    const refusal = ensure({ register: false });
    await expect(refusal).rejects.toMatchObject({ code: 'NOT_REGISTERED', name: 'OperatorError' });
    await expect(refusal).rejects.toThrow(hotkey);
    await expect(refusal).rejects.toThrow('--register --max-burn 0.500000000');
    await expect(refusal).rejects.toThrow(
      'btcli subnet register --netuid 2 --wallet.name alice --wallet.hotkey worker',
    );
    expect(chain.registered).toEqual([]);
  });

  it('is not registered one RAO above the limit, and is told both numbers', async () => {
    chain.burnRao = 1_000_000_001n;
    const refusal = ensure();
    await expect(refusal).rejects.toMatchObject({ code: 'BURN_ABOVE_LIMIT', name: 'OperatorError' });
    await expect(refusal).rejects.toThrow(/burns 1\.000000001 TAO now, --max-burn allows 1\.000000000/);
    expect(chain.registered).toEqual([]);
  });

  it('is registered at the limit, paid by its coldkey, with the limit given to the chain as well', async () => {
    chain.burnRao = 1_000_000_000n;
    expect(await ensure()).toBe(9);
    expect(chain.registered).toMatchObject([{ netuid: 2, hotkey, maxBurn: 1_000_000_000n }]);
    expect(chain.registered[0]!.coldkey.address).toBe(coldkey);
  });

  it('leaves no coldkey behind that could sign again, even when the chain refuses', async () => {
    await ensure();
    expect(() => chain.registered[0]!.coldkey.sign(new Uint8Array(1))).toThrow();
    const { register } = chain;
    chain.register = async (args) => {
      await register(args);
      throw new Error('refused');
    };
    await expect(ensure()).rejects.toThrow('refused');
    expect(() => chain.registered[1]!.coldkey.sign(new Uint8Array(1))).toThrow();
  });

  it('with a fraction of TAO that floats cannot hold is held to the exact RAO', async () => {
    chain.burnRao = 300_000_000n;
    await ensure({ maxBurn: 0.1 + 0.2 });
    expect(chain.registered[0]!.maxBurn).toBe(300_000_000n);
  });
});

it('names a subnet that is not there', async () => {
  await expect(assertSubnet(chain.asChain(), 7)).rejects.toMatchObject({ code: 'UNKNOWN_NETUID' });
  await assertSubnet(chain.asChain(), 2);
});

it.each([
  [0n, '0.000000000'],
  [1n, '0.000000001'],
  [1_000_000_000n, '1.000000000'],
  [21_000_000_123_456_789n, '21000000.123456789'],
])('writes %s RAO as %s TAO', (rao, text) => {
  expect(formatTao(rao)).toBe(text);
});
