import { cryptoWaitReady, encodeAddress } from '@polkadot/util-crypto';
import { beaconFromSecret, encodeWeightsPayload, timelockEncrypt, weightsCommitHash } from '@tuning/chain';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commitmentsStorage } from '../src/runtime/emulated/pallets/commitments.ts';
import { subtensor as s } from '../src/runtime/emulated/pallets/subtensor/storage.ts';
import { coldkey, EmulatedChain, hotkey, NETUID } from './emulated-chain.ts';

const beacon = beaconFromSecret(new Uint8Array(32).fill(7));
const address = (account: string): string => encodeAddress(account, 42);
const REVEAL = { netuid: NETUID, uids: [1, 2], values: [65_535, 32_768], salt: [1, 2, 3], version_key: 0n };

/** By the chain client's own code, not by the emulation's. */
function hashOf(who: string, { uids, values, salt, version_key }: typeof REVEAL): string {
  const args = { hotkey: address(who), netuidIndex: NETUID, uids, values, salt, versionKey: version_key };
  return `0x${Buffer.from(weightsCommitHash(args)).toString('hex')}`;
}

let chain: EmulatedChain;
beforeAll(() => cryptoWaitReady());
beforeEach(() => {
  chain = new EmulatedChain();
  chain.addSubnet();
});

const toNextEpoch = (): void => {
  const before = s.SubnetEpochIndex.get(chain.state, NETUID);
  chain.nextUntil(() => s.SubnetEpochIndex.get(chain.state, NETUID) > before);
};

describe('weights committed by hash', () => {
  const commit = (who = hotkey(0), hash = hashOf(who, REVEAL)) =>
    chain.call(who, 'commit_weights', { netuid: NETUID, commit_hash: hash });
  const reveal = (who = hotkey(0), args = REVEAL) => chain.call(who, 'reveal_weights', args);

  it('are taken only in the epoch that RevealPeriodEpochs names', () => {
    chain.next();
    expect(commit()).toBe('Ok');
    expect(s.LastUpdate.get(chain.state, NETUID)[0]).toBe(BigInt(chain.block));
    expect(chain.events()).toContainEqual([
      'SubtensorModule.WeightsCommitted',
      [hotkey(0), NETUID, hashOf(hotkey(0), REVEAL)],
    ]);
    const committed = chain.block;
    expect(chain.pool(hotkey(0), 'reveal_weights', REVEAL)).toBe(17);
    expect(reveal()).toBe('RevealTooEarly');
    toNextEpoch();
    expect(chain.pool(hotkey(0), 'reveal_weights', REVEAL)).toBeUndefined();
    expect(chain.pool(hotkey(0), 'reveal_weights', { ...REVEAL, salt: [9] })).toBe(16);
    expect(reveal(hotkey(0), { ...REVEAL, salt: [9] })).toBe('NoWeightsCommitFound');
    expect(reveal()).toBe('Ok');
    expect(chain.weights(0)).toEqual([
      [1, 65_535],
      [2, 32_768],
    ]);
    // The reveal does not count as an update; the commit did.
    expect(s.LastUpdate.get(chain.state, NETUID)[0]).toBe(BigInt(committed));
    expect(s.WeightCommits.get(chain.state, NETUID, hotkey(0))).toBeUndefined();
    expect(chain.events().at(-1)).toEqual([
      'SubtensorModule.WeightsRevealed',
      [hotkey(0), NETUID, hashOf(hotkey(0), REVEAL)],
    ]);
    expect(reveal()).toBe('NoWeightsCommitFound');
  });

  it('look ahead: the pool takes a reveal for the very block whose epoch opens it', () => {
    expect(commit()).toBe('Ok');
    const epoch = s.LastEpochBlock.get(chain.state, NETUID) + 10n;
    chain.nextUntil(() => BigInt(chain.block) === epoch - 1n);
    expect(chain.pool(hotkey(0), 'reveal_weights', REVEAL)).toBeUndefined();
    expect(reveal()).toBe('RevealTooEarly');
    chain.next();
    expect(reveal()).toBe('Ok');
  });

  it('expire after the reveal epoch and make room for new ones', () => {
    for (let i = 0; i < 10; i++) expect(commit(hotkey(0), hashOf(hotkey(0), { ...REVEAL, salt: [i] }))).toBe('Ok');
    expect(commit()).toBe('TooManyUnrevealedCommits');
    toNextEpoch();
    toNextEpoch();
    expect(reveal(hotkey(0), { ...REVEAL, salt: [4] })).toBe('RevealTooEarly');
    expect(commit()).toBe('Ok');
    expect(s.WeightCommits.get(chain.state, NETUID, hotkey(0))?.length).toBe(1);
  });

  it('drop the older commits that a newer reveal overtakes', () => {
    const salts = [1, 2, 3];
    for (const salt of salts) commit(hotkey(0), hashOf(hotkey(0), { ...REVEAL, salt: [salt] }));
    toNextEpoch();
    expect(reveal(hotkey(0), { ...REVEAL, salt: [2] })).toBe('Ok');
    expect(s.WeightCommits.get(chain.state, NETUID, hotkey(0))?.length).toBe(1);
    expect(reveal(hotkey(0), { ...REVEAL, salt: [1] })).toBe('NoWeightsCommitFound');
  });

  it('are checked in the order of the chain', () => {
    const nobody = coldkey(40);
    expect(chain.call(nobody, 'commit_weights', { netuid: 77, commit_hash: hashOf(nobody, REVEAL) })).toBe(
      'MechanismDoesNotExist',
    );
    expect(
      chain.call(hotkey(0), 'commit_mechanism_weights', { netuid: NETUID, mecid: 1, commit_hash: hotkey(9) }),
    ).toBe('MechanismDoesNotExist');
    expect(commit(nobody)).toBe('HotKeyNotRegisteredInSubNet');
    s.WeightsSetRateLimit.put(chain.state, NETUID, 5n);
    expect(chain.pool(hotkey(0), 'commit_weights', { netuid: NETUID, commit_hash: hotkey(9) })).toBe(6);
    expect(commit()).toBe('CommittingWeightsTooFast');
    s.StakeThreshold.put(chain.state, 5n);
    expect(chain.pool(hotkey(1), 'commit_weights', { netuid: NETUID, commit_hash: hotkey(9) })).toBe(1);
    s.StakeThreshold.put(chain.state, 0n);
    s.CommitRevealWeightsEnabled.put(chain.state, NETUID, false);
    expect(commit(nobody)).toBe('CommitRevealDisabled');
  });

  it('meet every check of set_weights at the reveal, which then changes nothing', () => {
    const self = hashOf(hotkey(1), REVEAL);
    expect(commit(hotkey(1), self)).toBe('Ok');
    toNextEpoch();
    expect(reveal(hotkey(1))).toBe('NeuronNoValidatorPermit');
    expect(s.WeightCommits.get(chain.state, NETUID, hotkey(1))?.length).toBe(1);
  });

  it('go in batches, each subnet for itself', () => {
    chain.addSubnet({ netuid: 3 });
    s.CommitRevealWeightsEnabled.put(chain.state, 3, false);
    const hashes = [hashOf(hotkey(0), REVEAL), hotkey(9)];
    expect(chain.call(hotkey(0), 'batch_commit_weights', { netuids: [NETUID, 3], commit_hashes: hashes })).toBe('Ok');
    expect(
      chain
        .events()
        .map(([name]) => name)
        .slice(-4),
    ).toEqual([
      'SubtensorModule.WeightsCommitted',
      'SubtensorModule.BatchCompletedWithErrors',
      'SubtensorModule.BatchWeightItemFailed',
      'SubtensorModule.BatchWeightsCompleted',
    ]);
    toNextEpoch();
    const lists = {
      netuid: NETUID,
      uids_list: [REVEAL.uids],
      values_list: [REVEAL.values],
      salts_list: [REVEAL.salt],
      version_keys: [0n],
    };
    expect(chain.pool(hotkey(0), 'batch_reveal_weights', { ...lists, version_keys: [] })).toBe(18);
    expect(chain.call(hotkey(0), 'batch_reveal_weights', lists)).toBe('Ok');
    expect(chain.weights(0)).toHaveLength(2);
  });
});

describe('timelocked weights', () => {
  const payload = (who: string, named = true, uids = [1, 2]) =>
    encodeWeightsPayload({
      hotkey: named ? address(who) : undefined,
      uids,
      values: uids.map((_, i) => 100 - 50 * i),
      versionKey: 0n,
    });
  const sealed = (plaintext: Uint8Array, round = 1000) =>
    timelockEncrypt({ plaintext, round, publicKey: beacon.publicKey });
  const commit = (who: string, bytes: Uint8Array, round = 1000n, version = 4) =>
    chain.call(who, 'commit_timelocked_weights', {
      netuid: NETUID,
      commit: bytes,
      reveal_round: round,
      commit_reveal_version: version,
    });
  const revealedBy = () =>
    chain
      .events()
      .filter(([name]) => name === 'SubtensorModule.TimelockedWeightsRevealed')
      .map(([, value]) => (value as string[])[1]);

  it('are revealed by the chain before the epoch, and count in that same epoch', () => {
    s.TotalHotkeyAlpha.put(chain.state, hotkey(0), NETUID, 10n ** 9n);
    chain.next();
    expect(commit(hotkey(0), sealed(payload(hotkey(0))))).toBe('Ok');
    const epoch = s.LastEpochBlock.get(chain.state, NETUID) + 10n;
    chain.nextUntil(() => BigInt(chain.block) === epoch - 1n);
    chain.addPulse(1000, beacon.sign(1000));
    expect(chain.weights(0)).toEqual([]);
    chain.next();
    expect(revealedBy()).toEqual([hotkey(0)]);
    expect(chain.weights(0)).toEqual([
      [1, 65_535],
      [2, 32_768],
    ]);
    expect(s.TimelockedWeightCommits.keysUnder(chain.state, NETUID)).toEqual([]);
    const [, first, second] = s.Incentive.get(chain.state, NETUID);
    expect(first! / second!).toBeCloseTo(2, 3);
  });

  it('wait for a late pulse within their reveal epoch, and are gone after it', () => {
    commit(hotkey(0), sealed(payload(hotkey(0))));
    toNextEpoch();
    chain.next(3);
    expect(chain.weights(0)).toEqual([]);
    chain.addPulse(1000, beacon.sign(1000));
    chain.next();
    expect(chain.weights(0)).toHaveLength(2);
    commit(hotkey(0), sealed(payload(hotkey(0), true, [2]), 2000), 2000n);
    toNextEpoch();
    toNextEpoch();
    expect(s.TimelockedWeightCommits.keysUnder(chain.state, NETUID)).toEqual([]);
    chain.addPulse(2000, beacon.sign(2000));
    chain.next(12);
    expect(chain.weights(0)).toHaveLength(2);
  });

  it('are dropped in silence when they cannot be read, name another hotkey, or break a rule', () => {
    const good = sealed(payload(hotkey(0), false, [2, 1]));
    const broken = Uint8Array.from(good, (byte, i) => (i === 200 ? byte ^ 1 : byte));
    expect(commit(hotkey(0), broken)).toBe('Ok');
    expect(commit(hotkey(0), sealed(payload(hotkey(1))))).toBe('Ok');
    expect(commit(hotkey(0), sealed(payload(hotkey(0)), 999))).toBe('Ok');
    expect(commit(hotkey(0), sealed(Uint8Array.of(1, 2, 3)))).toBe('Ok');
    expect(commit(hotkey(1), sealed(payload(hotkey(1))))).toBe('Ok');
    // The older payload, without a hotkey, still counts.
    expect(commit(hotkey(0), good)).toBe('Ok');
    chain.addPulse(1000, beacon.sign(1000));
    toNextEpoch();
    expect(revealedBy()).toEqual([hotkey(0)]);
    expect(chain.weights(0).map(([uid]) => uid)).toEqual([2, 1]);
    expect(chain.weights(1)).toEqual([]);
  });

  it('are checked in the order of the chain', () => {
    const bytes = sealed(payload(hotkey(0)));
    expect(commit(hotkey(0), bytes, 1000n, 3)).toBe('IncorrectCommitRevealVersion');
    expect(commit(coldkey(40), bytes)).toBe('HotKeyNotRegisteredInSubNet');
    chain.addPulse(1000, beacon.sign(1000));
    const args = { netuid: NETUID, commit: bytes, reveal_round: 999n, commit_reveal_version: 4 };
    expect(chain.pool(hotkey(0), 'commit_timelocked_weights', args)).toBe(15);
    expect(commit(hotkey(0), bytes, 999n)).toBe('InvalidRevealRound');
    for (let i = 0; i < 10; i++) expect(commit(hotkey(0), bytes)).toBe('Ok');
    expect(commit(hotkey(0), bytes)).toBe('TooManyUnrevealedCommits');
    expect(commit(hotkey(1), bytes)).toBe('Ok');
    // Its own rate limit is met in the block only.
    s.WeightsSetRateLimit.put(chain.state, NETUID, 5n);
    expect(chain.pool(hotkey(1), 'commit_timelocked_weights', { ...args, reveal_round: 1000n })).toBeUndefined();
    expect(commit(hotkey(1), bytes)).toBe('CommittingWeightsTooFast');
    s.CommitRevealWeightsEnabled.put(chain.state, NETUID, false);
    expect(commit(hotkey(1), bytes, 1000n, 3)).toBe('CommitRevealDisabled');
  });
});

describe('timelocked commitments', () => {
  const field = (text: string, round = 1000) => ({
    kind: 'TimelockEncrypted',
    value: {
      encrypted: timelockEncrypt({ plaintext: Buffer.from(text), round, publicKey: beacon.publicKey }),
      reveal_round: BigInt(round),
    },
  });
  const set = (fields: unknown[]) =>
    chain.call(hotkey(1), 'set_commitment', { netuid: NETUID, info: { fields } }, 'Commitments');
  const index = () => commitmentsStorage.TimelockedIndex.get(chain.state);

  it('open when their pulse comes, and leave the other fields', () => {
    const raw = { kind: 'Raw2', value: Uint8Array.of(1, 2) };
    expect(set([raw, field('hello'), field('later', 2000)])).toBe('Ok');
    expect(index()).toEqual([[NETUID, hotkey(1)]]);
    chain.next();
    expect(chain.revealed(hotkey(1))).toEqual([]);
    chain.addPulse(1000, Buffer.concat([Buffer.from('0x'), beacon.sign(1000)]));
    chain.next();
    expect(chain.revealed(hotkey(1)).map(([bytes, block]) => [Buffer.from(bytes).toString(), block])).toEqual([
      ['hello', BigInt(chain.block)],
    ]);
    expect(chain.events()).toContainEqual(['Commitments.CommitmentRevealed', { netuid: NETUID, who: hotkey(1) }]);
    const left = () => commitmentsStorage.CommitmentOf.get(chain.state, NETUID, hotkey(1))?.info.fields;
    expect(left()?.map(({ kind }) => kind)).toEqual(['Raw2', 'TimelockEncrypted']);
    expect(index()).toHaveLength(1);
    chain.addPulse(2000, beacon.sign(2000));
    chain.next();
    expect(left()?.map(({ kind }) => kind)).toEqual(['Raw2']);
    expect(index()).toEqual([]);
  });

  it('vanish when they hold nothing that can be read, and are cancelled by a plain one', () => {
    const { value } = field('x');
    value.encrypted[60]! ^= 1;
    expect(set([{ kind: 'TimelockEncrypted', value }])).toBe('Ok');
    chain.addPulse(1000, beacon.sign(1000));
    chain.next();
    expect(chain.revealed(hotkey(1))).toEqual([]);
    expect(commitmentsStorage.CommitmentOf.get(chain.state, NETUID, hotkey(1))).toBeUndefined();
    set([field('never', 2000)]);
    set([{ kind: 'Raw1', value: Uint8Array.of(1) }]);
    expect(index()).toEqual([]);
    chain.addPulse(2000, beacon.sign(2000));
    chain.next();
    expect(chain.revealed(hotkey(1))).toEqual([]);
  });

  it('keep the last ten that were revealed', () => {
    chain.addPulse(1000, beacon.sign(1000));
    const first = chain.block + 1;
    const again = field('again');
    for (let i = 0; i < 12; i++) {
      set([again]);
      chain.next();
    }
    expect(chain.revealed(hotkey(1)).map(([, block]) => Number(block) - first)).toEqual([
      2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
  });
});

it('forgets everybody’s bonds to a hotkey that asks for it, where the subnet allows it', () => {
  const flag = { netuid: NETUID, info: { fields: [{ kind: 'ResetBondsFlag' }] } };
  const bonds = (): [number, number][] => s.Bonds.get(chain.state, NETUID, 0);
  s.AdminFreezeWindow.put(chain.state, 0);
  s.Bonds.put(chain.state, NETUID, 0, [
    [1, 5],
    [2, 6],
  ]);
  expect(chain.call(hotkey(1), 'set_commitment', flag, 'Commitments')).toBe('Ok');
  expect(bonds()).toHaveLength(2);
  const enable = { netuid: NETUID, enabled: true };
  expect(chain.call(hotkey(1), 'sudo_set_bonds_reset_enabled', enable, 'AdminUtils')).toBe('BadOrigin');
  expect(chain.call(coldkey(0), 'sudo_set_bonds_reset_enabled', enable, 'AdminUtils')).toBe('Ok');
  expect(chain.call(hotkey(1), 'set_commitment', flag, 'Commitments')).toBe('Ok');
  expect(bonds()).toEqual([[2, 6]]);
});

it('takes the bounds of liquid alpha only where it is on, and in their order', () => {
  const set = (low: number, high: number) =>
    chain.call('root', 'sudo_set_alpha_values', { netuid: NETUID, alpha_low: low, alpha_high: high }, 'AdminUtils');
  s.AdminFreezeWindow.put(chain.state, 0);
  expect(set(2000, 3000)).toBe('LiquidAlphaDisabled');
  s.LiquidAlphaOn.put(chain.state, NETUID, true);
  expect(set(2000, 1000)).toBe('AlphaHighTooLow');
  expect(set(3001, 3000)).toBe('AlphaLowOutOfRange');
  expect(set(2000, 3000)).toBe('Ok');
  expect(s.AlphaValues.get(chain.state, NETUID)).toEqual([2000, 3000]);
});
