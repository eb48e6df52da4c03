import { cryptoWaitReady, encodeAddress } from '@polkadot/util-crypto';
import { encodeWeightsPayload, roundAt, roundTime, timelockEncrypt } from '@tuning/chain';
import { beforeAll, expect, it } from 'vitest';
import { drandStorage } from '../src/runtime/emulated/pallets/drand.ts';
import { timestampStorage } from '../src/runtime/emulated/pallets/timestamp.ts';
import { EmulatedChain, hotkey, NETUID } from './emulated-chain.ts';

const START = 1_800_000_000_000;

beforeAll(() => cryptoWaitReady());

it('reveals weights that were sealed to the key in BeaconConfig, once the clock of the chain has reached their round', () => {
  const chain = new EmulatedChain({ beacon: true });
  chain.addSubnet({ tempo: 5 });
  const at = (ms: number): void => {
    timestampStorage.Now.put(chain.state, BigInt(START + ms));
    chain.next();
  };
  at(0);
  const now = BigInt(roundAt(START / 1000));
  expect(drandStorage.LastStoredRound.get(chain.state)).toBe(now);
  expect(drandStorage.OldestStoredRound.get(chain.state)).toBe(now);
  const { public_key: publicKey, period } = drandStorage.BeaconConfig.get(chain.state);
  expect(period).toBe(3);
  const round = Number(now) + 2;
  const plaintext = encodeWeightsPayload({
    hotkey: encodeAddress(hotkey(0), 42),
    uids: [1],
    values: [7],
    versionKey: 0n,
  });
  const commit = timelockEncrypt({ plaintext, round, publicKey });
  const args = { netuid: NETUID, commit, reveal_round: BigInt(round), commit_reveal_version: 4 };
  expect(chain.call(hotkey(0), 'commit_timelocked_weights', args)).toBe('Ok');
  chain.next(6);
  expect(chain.weights(0)).toEqual([]);
  at(roundTime(round) * 1000 - START);
  // Written when the block ended, seen by the next one: that is `chain`'s block in progress.
  expect(chain.weights(0)).toEqual([[1, 65_535]]);
});

it('catches up in order after a pause, a few rounds per block', () => {
  const chain = new EmulatedChain({ beacon: true });
  const rounds = (): bigint => drandStorage.LastStoredRound.get(chain.state);
  timestampStorage.Now.put(chain.state, BigInt(START));
  chain.next();
  const first = rounds();
  timestampStorage.Now.put(chain.state, BigInt(START + 25 * 3000));
  chain.next();
  expect(rounds() - first).toBe(20n);
  chain.next(2);
  expect(rounds() - first).toBe(25n);
  expect(drandStorage.Pulses.keysUnder(chain.state)).toHaveLength(26);
});
