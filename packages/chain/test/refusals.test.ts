import { readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { expect, it } from 'vitest';
import { EmulatedRuntime } from '../../devnet/src/runtime/emulated/runtime.ts';
import { customName, dispatchFailure, poolRejection } from '../src/chain-error.ts';
import { explainRefusal, isExplained } from '../src/refusals.ts';
import { RpcError } from '../src/rpc-socket.ts';

const CALLS = ['registerLimit', 'serveAxonTls', 'setWeights', 'commitTimelockedWeights', 'revealWeights', 'addStake'];

it('has words for every number that the pool can refuse with', () => {
  for (let custom = 0; custom <= 27; custom++) {
    for (const call of CALLS) {
      const name = customName(custom, `subtensorModule.${call}`);
      expect(isExplained(name), `${custom} ${name}`).toBe(true);
    }
  }
  expect(isExplained(customName(255, 'a.b'))).toBe(true);
  expect(isExplained(customName(28, 'a.b'))).toBe(false);
});

it('tells name, meaning and remedy of a refusal in the pool and in a block', () => {
  const pool = poolRejection(
    new RpcError(1010, 'Invalid Transaction', 'Custom error: 6'),
    'subtensorModule.setWeights',
  );
  expect(pool?.message).toBe(
    "the chain's transaction pool refused subtensorModule.setWeights: SettingWeightsTooFast: weights were set (or the hotkey registered) a short while ago; wait for the rate limit and try again; only the subnet’s owner can shorten it",
  );
  const failure = { module: 'commitments', name: 'SpaceLimitExceeded', docs: 'runtime words' };
  expect(dispatchFailure(failure, 'commitments.setCommitment', 7).message).toBe(
    'the chain refused commitments.setCommitment in block 7: SpaceLimitExceeded: the hotkey has used up its space for commitments in this epoch; wait for the next epoch',
  );
});

it('gives the words of the metadata for what is not in the table', () => {
  expect(explainRefusal('LimitOrderHasEnded', ' Order has\n ended. ')).toBe(
    'LimitOrderHasEnded: Order has ended; look the name up in the chain’s documentation',
  );
  expect(explainRefusal('constructor')).toContain('gives no reason');
});

/** What the runtime checks in the calls that this project sends, in its order (its registration.rs, serving.rs, weights.rs). */
const REACHABLE = {
  SubtensorModule: `RegistrationNotPermittedOnRootSubnet SubnetNotExists SubNetRegistrationDisabled
    HotKeyAlreadyRegisteredInSubNet NotEnoughBalanceToStake NonAssociatedColdKey NoNeuronIdAvailable
    RegistrationPriceLimitExceeded TooManyRegistrationsThisBlock TooManyRegistrationsThisInterval
    BalanceWithdrawalError InsufficientBalance CannotUseSystemAccount ColdkeySwapAnnounced ColdkeySwapDisputed
    HotKeyNotRegisteredInNetwork InvalidIpType InvalidIpAddress ServingRateLimitExceeded InvalidPort
    CommitRevealEnabled CanNotSetRootNetworkWeights WeightVecNotEqualSize MechanismDoesNotExist
    UidsLengthExceedUidsInSubNet HotKeyNotRegisteredInSubNet NotEnoughStakeToSetWeights IncorrectWeightVersionKey
    SettingWeightsTooFast NeuronNoValidatorPermit DuplicateUids UidVecContainInvalidOne WeightVecLengthIsLow
    MaxWeightExceeded CommitRevealDisabled CommittingWeightsTooFast TooManyUnrevealedCommits NoWeightsCommitFound
    ExpiredWeightCommit InvalidRevealCommitHashNotMatch RevealTooEarly IncorrectCommitRevealVersion InvalidRevealRound`,
  Commitments: 'AccountNotAllowedCommit TooManyFieldsInCommitmentInfo SpaceLimitExceeded UnexpectedUnreserveLeftover',
  Balances: 'InsufficientBalance LiquidityRestrictions Expendability ExistentialDeposit',
};

/** Pallets whose errors our calls, and those of an operator at the same keys, can meet. */
const PALLETS = 'SubtensorModule Commitments Balances System Utility Proxy Sudo AdminUtils Drand Swap'.split(' ');

function requireWords(bytes: Uint8Array, pallets: readonly string[]): number {
  const registry = new TypeRegistry();
  const latest = new Metadata(registry, `0x${Buffer.from(bytes).toString('hex')}`);
  registry.setMetadata(latest);
  let count = 0;
  for (const { name: pallet, errors } of latest.asLatest.pallets) {
    if (!pallets.includes(pallet.toString()) || errors.isNone) continue;
    for (const { name } of registry.lookup.getSiType(errors.unwrap().type).def.asVariant.variants) {
      expect(isExplained(name.toString()), `${pallet}.${name} has no words in refusals.ts or refusals-rare.ts`).toBe(
        true,
      );
      count++;
    }
  }
  return count;
}

it('has words for every error of the runtime that the devnet emulates', () => {
  expect(requireWords(new EmulatedRuntime().metadata(14)!, PALLETS)).toBeGreaterThan(100);
});

const metadata = process.env['SUBTENSOR_METADATA'];
it.skipIf(!metadata)('has words for every error that a real runtime can give to our calls', () => {
  expect(requireWords(readFileSync(metadata!), PALLETS)).toBeGreaterThan(200);
});

it.each(Object.entries(REACHABLE))('keeps the words for what our calls meet in %s', (_pallet, names) => {
  for (const name of names.split(/\s+/)) expect(isExplained(name), name).toBe(true);
});

/** sp_runtime's DispatchError and its inner kinds. */
const DISPATCH =
  `Other CannotLookup BadOrigin ConsumerRemaining NoProviders TooManyConsumers Exhausted Corruption Unavailable
  RootNotAllowed Trie Token.FundsUnavailable Token.OnlyProvider Token.BelowMinimum Token.CannotCreate Token.UnknownAsset
  Token.Frozen Token.Unsupported Token.CannotCreateHold Token.NotExpendable Token.Blocked Arithmetic.Underflow
  Arithmetic.Overflow Arithmetic.DivisionByZero Transactional.LimitReached Transactional.NoLayer`.split(/\s+/);

it.each(DISPATCH)('explains the dispatch error %s', (name) => {
  const error = dispatchFailure({ module: 'system', name, docs: '' }, 'balances.transferKeepAlive', 9);
  expect(error.code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  expect(error.details).toMatchObject({
    name,
    meaning: expect.stringMatching(/../),
    remedy: expect.stringMatching(/../),
  });
  expect(isExplained(name)).toBe(true);
});

/** The variants of InvalidTransaction, as a stock node words them. */
const INVALID: [string, string][] = [
  ['Call', 'Transaction call is not expected'],
  ['Payment', 'Inability to pay some fees (e.g. account balance too low)'],
  ['Future', 'Transaction will be valid in the future'],
  ['Stale', 'Transaction is outdated'],
  ['BadProof', 'Transaction has a bad signature'],
  ['AncientBirthBlock', 'Transaction has an ancient birth block'],
  ['ExhaustsResources', 'Transaction would exhaust the block limits'],
  ['BadMandatory', 'A call was labelled as mandatory, but resulted in an Error.'],
  ['MandatoryValidation', 'Transaction dispatch is mandatory; transactions must not be validated.'],
  ['BadSigner', 'Invalid signing address'],
  ['IndeterminateImplicit', 'The implicit data was unable to be calculated'],
  ['UnknownOrigin', 'The transaction extension did not authorize any origin'],
];

it.each(INVALID)('names and explains the invalid transaction %s in both shapes', (name, wording) => {
  const stock = poolRejection(new RpcError(1010, 'Invalid Transaction', wording), 'a.b');
  const variant = `${name[0]!.toLowerCase()}${name.slice(1)}`;
  const short = poolRejection(new RpcError(1010, `1010: {"invalid":{"${variant}":null}}`, undefined), 'a.b');
  for (const error of [stock, short]) {
    expect(error?.details).toMatchObject({
      name,
      meaning: expect.stringMatching(/../),
      remedy: expect.stringMatching(/../),
    });
  }
  expect(isExplained(name)).toBe(true);
});

it.each([1001, 1002, 1010, 1011, 1012, 1013, 1014, 1015, 1016])('explains the pool’s code %i', (code) => {
  const error = poolRejection(new RpcError(code, 'words', undefined), 'a.b')!;
  expect(isExplained(String(error.details['name']))).toBe(true);
  expect(error.message).toContain(String(error.details['remedy']));
});

it.each([
  ['CannotLookup', 'Could not lookup information required to validate the transaction'],
  ['NoUnsignedValidator', 'Could not find an unsigned validator for the unsigned transaction'],
])('names the unknown transaction %s', (name, wording) => {
  expect(poolRejection(new RpcError(1011, 'Unknown Transaction Validity', wording), 'a.b')?.details).toMatchObject({
    name,
  });
});
