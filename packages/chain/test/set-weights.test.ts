import { blake2AsHex } from '@polkadot/util-crypto';
import { expect, it } from 'vitest';
import type { HashedWeights, SetWeightsArgs } from '../src/chain.ts';
import { ChainError } from '../src/chain-error.ts';
import { setWeights } from '../src/set-weights.ts';
import type { TransactionCall } from '../src/submit.ts';
import { beaconFromSecret, roundTime } from '../src/timelock/beacon.ts';
import { timelockDecrypt } from '../src/timelock/cipher.ts';
import { decodeWeightsPayload, weightsCommitHash } from '../src/timelock/weights-payload.ts';
import { revealWeights } from '../src/weights-hashed.ts';
import { revealRound } from '../src/weights-timelocked.ts';
import { FakeContext, ME, OTHER, rules, signer } from './fake-context.ts';

const code = (expected: string, more: object = {}) => expect.objectContaining({ code: expected, ...more });
const keys = [
  [0, OTHER],
  [1, ME],
];
const open = { ...rules, uids: 1, keys, lastUpdate: [0, 90], subnetOwnerHotkey: OTHER };
const sealed = { ...open, commitRevealWeightsEnabled: true, commitRevealWeightsVersion: 4 };
const args: SetWeightsArgs = { netuid: 2, hotkey: signer, weights: [{ hotkey: OTHER, weight: 1 }] };
const beacon = beaconFromSecret(new Uint8Array(32).fill(3));
const network = { genesisTime: 1_700_000_000, periodSeconds: 3 };
const drand = {
  beaconConfig: {
    publicKey: `0x${Buffer.from(beacon.publicKey).toString('hex')}`,
    period: network.periodSeconds,
    genesisTime: network.genesisTime,
  },
  lastStoredRound: 5,
};

/** The runtime's answer to a timelocked commit. */
function takes({ call, args: [, commit, round] }: TransactionCall) {
  expect(call).toBe('commitTimelockedWeights');
  return [{ name: 'TimelockedWeightsCommitted', data: [ME, 2, blake2AsHex(String(commit)), round] }];
}

it('says how long until weights may be set, and sends nothing', async () => {
  for (const form of [open, sealed]) {
    const early = new FakeContext({ ...form, lastUpdate: [0, 95] });
    await expect(setWeights(early, args)).rejects.toEqual(
      code('WEIGHTS_TOO_SOON', { details: expect.objectContaining({ blocksToWait: 4 }) }),
    );
    expect(early.calls).toEqual([]);
  }
});

it('knows the refusals that committed weights would meet in silence', async () => {
  const refuses = async (storage: object, expected: string, more: Partial<SetWeightsArgs> = {}) => {
    for (const form of [open, sealed]) {
      const context = new FakeContext({ ...form, ...storage });
      await expect(setWeights(context, { ...args, ...more })).rejects.toMatchObject({
        name: 'ChainError',
        code: expected,
        details: { sent: false },
      });
      expect(context.calls).toEqual([]);
    }
  };
  await refuses({ validatorPermit: [true, false] }, 'NEURON_NO_VALIDATOR_PERMIT');
  await refuses({}, 'INCORRECT_WEIGHT_VERSION_KEY', { versionKey: 2n });
  // The owner needs no permit, nor does anybody for himself.
  const owner = new FakeContext({ ...open, validatorPermit: [], subnetOwnerHotkey: ME, weights: [[0, 65535]] });
  expect(await setWeights(owner, args)).toMatchObject({ form: 'plain' });
  const self = new FakeContext({ ...open, validatorPermit: [], minAllowedWeights: 8, weights: [[1, 65535]] });
  expect(await setWeights(self, { ...args, weights: [{ hotkey: ME, weight: 2 }] })).toMatchObject({ uids: [1] });
});

it('sets in the open where that is taken, and compares', async () => {
  const context = new FakeContext({ ...open, weights: [[0, 65535]] });
  expect(await setWeights(context, args)).toEqual({
    form: 'plain',
    block: expect.objectContaining({ number: 101 }),
    uids: [0],
    values: [65535],
  });
  expect(context.calls).toMatchObject([{ call: 'setWeights', args: [2, [0], [65535], 3n] }]);
  const other = new FakeContext({ ...open, weights: [[0, 1]] });
  await expect(setWeights(other, args)).rejects.toEqual(code('WEIGHTS_MISMATCH'));
});

it('seals for a round after the start of the reveal epoch, of the network that the chain names', async () => {
  const context = new FakeContext({ ...sealed, ...drand, tempo: 100 });
  context.onCall = takes;
  const set = await setWeights(context, args);
  // Epoch 7 ends at 195; reveal is in epoch 8, whose first block is 195.
  const round = Math.floor((1_800_000_000 + (195 + 3 - 100) * 12 - network.genesisTime) / 3);
  expect(set).toEqual({
    form: 'timelocked',
    block: expect.objectContaining({ number: 101 }),
    uids: [0],
    values: [65535],
    reveal: { epoch: 8, from: 195, until: 295, round },
  });
  const [netuid, commit, sent, version] = context.calls[0]!.args as [number, string, number, number];
  expect([netuid, sent, version]).toEqual([2, round, 4]);
  const plain = timelockDecrypt(Buffer.from(commit.slice(2), 'hex'), beacon.sign(round));
  expect(decodeWeightsPayload(plain)).toEqual({ hotkey: ME, uids: [0], values: [65535], versionKey: 3n });
  // Published before the third block of that epoch, not before its first is due.
  const [first, third] = [195, 198].map((block) => 1_800_000_000 + (block - 100) * 12);
  expect(roundTime(round, network)).toBeGreaterThan(first!);
  expect(roundTime(round, network)).toBeLessThanOrEqual(third!);
});

it('never seals for a round that the chain has already', async () => {
  const context = new FakeContext({ ...sealed, ...drand, lastStoredRound: 99_000_000, tempo: 100 });
  context.onCall = takes;
  expect(await setWeights(context, args)).toMatchObject({ reveal: { round: 99_000_001 } });
  expect(revealRound({ head: { number: 5, hash: '' }, timestampMs: 0 }, 9, 1, network)).toBe(1);
});

it('waits for an epoch that is about to start, so that the round fits the epoch of the commit', async () => {
  const context = new FakeContext({ ...sealed, ...drand, tempo: 10 });
  context.head = { number: 102, hash: `0x${'66'.repeat(32)}` };
  context.onCall = takes;
  const wait = context.waitForBlock.bind(context);
  context.waitForBlock = async (number) => {
    expect(number).toBe(105);
    Object.assign(context.storage, { lastEpochBlock: 105, subnetEpochIndex: 8, now: 1_800_000_060_000 });
    return wait(number);
  };
  expect(await setWeights(context, args)).toMatchObject({ block: { number: 106 }, reveal: { epoch: 9, from: 115 } });
});

it('does not believe a commit that the chain did not take', async () => {
  const context = new FakeContext({ ...sealed, ...drand, tempo: 100 });
  context.onCall = () => [{ name: 'TimelockedWeightsCommitted', data: [ME, 2, '0x00', 1] }];
  await expect(setWeights(context, args)).rejects.toEqual(code('WEIGHTS_MISMATCH'));
});

it('takes the other form when commit-reveal is switched meanwhile', async () => {
  const context = new FakeContext({ ...open, ...drand, tempo: 100, commitRevealWeightsVersion: 4 });
  context.onCall = (call) => {
    if (call.call !== 'setWeights') return takes(call);
    context.storage['commitRevealWeightsEnabled'] = true;
    throw new ChainError('COMMIT_REVEAL_ENABLED', 'switched');
  };
  expect(await setWeights(context, args)).toMatchObject({ form: 'timelocked' });
  expect(context.calls.map(({ call }) => call)).toEqual(['setWeights', 'commitTimelockedWeights']);
});

/** A chain that keeps hashes: version 5 of timelocked commits is not known here. */
function hashing(): { context: FakeContext; kept: HashedWeights[] } {
  const context = new FakeContext({
    ...sealed,
    commitRevealWeightsVersion: 5,
    weightCommits: null,
    weights: [[0, 65535]],
  });
  context.onCall = ({ call, args: [, hash] }) => {
    if (call === 'commitWeights') context.storage['weightCommits'] = [[hash, 7, 101, 0]];
    return [];
  };
  return { context, kept: [] };
}

it('commits a hash where the chain wants a form that is not known, and hands out the salt before', async () => {
  const { context, kept } = hashing();
  const onCommit = (pending: HashedWeights) => {
    expect(context.calls).toEqual([]);
    kept.push(pending);
  };
  const set = await setWeights(context, { ...args, onCommit });
  expect(set).toEqual({
    form: 'commit-reveal',
    block: expect.objectContaining({ number: 101 }),
    uids: [0],
    values: [65535],
    pending: kept[0],
    reveal: { epoch: 8, from: 115, until: 135 },
  });
  const pending = JSON.parse(JSON.stringify(kept[0])) as HashedWeights;
  const hash = weightsCommitHash({ ...pending, netuidIndex: 2, versionKey: BigInt(pending.versionKey) });
  expect(context.calls).toMatchObject([{ call: 'commitWeights', args: [2, `0x${Buffer.from(hash).toString('hex')}`] }]);
  expect(pending).toMatchObject({ netuid: 2, hotkey: ME, versionKey: '3' });
  expect(pending.salt).toHaveLength(8);
  const second = hashing();
  expect((await setWeights(second.context, args)) as object).not.toMatchObject({ pending: { salt: pending.salt } });
});

it('commits a hash when told to, and nothing at all where it could not reveal', async () => {
  const { context } = hashing();
  context.storage['commitRevealWeightsVersion'] = 4;
  expect(await setWeights(context, { ...args, commitForm: 'commit-reveal' })).toMatchObject({ form: 'commit-reveal' });
  context.storage['commitRevealWeightsVersion'] = 5;
  context.missing.add('revealWeights');
  await expect(setWeights(context, args)).rejects.toEqual(code('COMMIT_REVEAL_UNSUPPORTED'));
});

it('reveals in the right epoch only', async () => {
  const { context } = hashing();
  const set = await setWeights(context, args);
  if (set.form !== 'commit-reveal') throw new Error(set.form);
  const reveal = { hotkey: signer, pending: set.pending };
  const epoch = (number: number, index: number, last: number) => {
    context.head = { number, hash: `0x${number.toString(16).padStart(64, '0')}` };
    Object.assign(context.storage, { subnetEpochIndex: index, lastEpochBlock: last });
  };
  epoch(105, 7, 95);
  await expect(revealWeights(context, reveal)).rejects.toEqual(
    code('REVEAL_TOO_EARLY', { name: 'TransientError', details: { blocksToWait: 9, epoch: 8 } }),
  );
  // The next block is the first of epoch 8.
  epoch(114, 7, 95);
  expect(await revealWeights(context, reveal)).toMatchObject({ block: { number: 115 }, uids: [0], values: [65535] });
  const { salt } = set.pending;
  expect(context.calls.at(-1)).toMatchObject({ call: 'revealWeights', args: [2, [0], [65535], salt, 3n] });
  epoch(134, 8, 115);
  await expect(revealWeights(context, reveal)).rejects.toEqual(code('EXPIRED_WEIGHT_COMMIT'));
  context.storage['weightCommits'] = null;
  await expect(revealWeights(context, reveal)).rejects.toEqual(code('NO_WEIGHTS_COMMIT_FOUND'));
  expect(context.calls.filter(({ call }) => call === 'revealWeights')).toHaveLength(1);
});
