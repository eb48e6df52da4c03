import { afterEach, expect, it, vi } from 'vitest';
import { chooseEndpoints } from '../src/chain-endpoints.ts';

afterEach(() => vi.unstubAllEnvs());
const choose = (network?: string, ...endpoint: string[]) => chooseEndpoints({ network, endpoint }, 'finney');
const refused = (code: string) => expect.objectContaining({ name: 'OperatorError', code });

it('takes flags before the environment, and addresses before names', () => {
  expect(choose()).toEqual(['wss://entrypoint-finney.opentensor.ai:443']);
  vi.stubEnv('BT_SUBTENSOR_NETWORK', 'test');
  expect(choose()).toEqual(['wss://test.finney.opentensor.ai:443']);
  vi.stubEnv('BT_SUBTENSOR_CHAIN_ENDPOINT', 'ws://10.0.0.1:9944');
  expect(choose()).toEqual(['ws://10.0.0.1:9944']);
  expect(choose('local')).toEqual(['ws://127.0.0.1:9944']);
  expect(choose('ws://node:1')).toEqual(['ws://node:1']);
  expect(choose('local', 'ws://a:1', 'wss://b')).toEqual(['ws://a:1', 'wss://b']);
});

it('refuses what is no network and no address', () => {
  expect(() => choose('moon')).toThrow(refused('NETWORK_UNKNOWN'));
  expect(() => choose('toString')).toThrow(refused('NETWORK_UNKNOWN'));
  for (const address of ['http://x', '127.0.0.1:9944', 'ws://']) {
    expect(() => choose(undefined, address), address).toThrow(refused('CHAIN_BAD_ENDPOINT'));
  }
  expect(() => choose('https://x')).toThrow(refused('CHAIN_BAD_ENDPOINT'));
  expect(() => choose(undefined, ...Array.from({ length: 9 }, () => 'ws://x'))).toThrow(refused('CHAIN_BAD_ENDPOINT'));
});
