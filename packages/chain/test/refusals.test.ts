import { readFileSync } from 'node:fs';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { expect, it } from 'vitest';
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
  expect(explainRefusal('LeaseHasNotEnded', ' Lease has\n not ended. ')).toBe(
    'LeaseHasNotEnded: Lease has not ended; look the name up in the chain’s documentation',
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

const metadata = process.env['SUBTENSOR_METADATA'];
it.skipIf(!metadata)('leaves no error of a real runtime without words', () => {
  const registry = new TypeRegistry();
  const latest = new Metadata(registry, `0x${readFileSync(metadata!).toString('hex')}`);
  registry.setMetadata(latest);
  for (const [pallet, reachable] of Object.entries(REACHABLE)) {
    const { errors } = latest.asLatest.pallets.find(({ name }) => name.toString() === pallet)!;
    const { variants } = registry.lookup.getSiType(errors.unwrap().type).def.asVariant;
    const names = variants.map(({ name }) => name.toString());
    for (const { name, docs } of variants) {
      expect(explainRefusal(name.toString(), docs.join(' ')), `${name}`).not.toContain('gives no reason');
    }
    for (const name of reachable.split(/\s+/)) {
      expect(names, `the runtime has no ${name}`).toContain(name);
      expect(isExplained(name), name).toBe(true);
    }
  }
});
