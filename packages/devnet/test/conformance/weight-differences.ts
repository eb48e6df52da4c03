import type { SpecDifference } from './spec-differences.ts';

/** What specs 293 and 424 do differently with weights, stake, epochs and hyperparameters. */
export const WEIGHT_DIFFERENCES = {
  'missing-mechanism': {
    at293: 'of a subnet that does not exist: SubNetworkDoesNotExist, or it counts as one without commit-reveal',
    at424: 'MechanismDoesNotExist for its weights, as subnets have mechanisms; SubnetNotExists for start_call',
    source: 'subtensor/src/subnets/mechanism.rs: ensure_mechanism_exists',
  },
  'weights-limit-in-pool': {
    at293: 'weights set too fast are refused in the block, in the order of the checks there',
    at424: 'the pool refuses them before all other checks but that of the stake',
    source: 'subtensor/src/guards/check_rate_limits.rs',
  },
  'owner-validates': {
    at293: 'the hotkey of a subnet’s owner needs a permit and stake like any other',
    at424: 'it needs neither',
    source: 'subtensor/src/subnets/weights.rs: check_validator_permit; lib.rs: check_weights_min_stake',
  },
  'weights-in-pool': {
    at293: 'of weights, the pool looks at stake only',
    at424: 'and at the lengths of a batch’s lists, whether a reveal has a commit and is in time, and drand rounds',
    source: 'subtensor/src/guards/check_weights.rs',
  },
  'guards-in-batches': {
    at293: 'within a batch only the call itself checks, in its own order',
    at424: 'what the pool would check comes first within a batch, too',
    source: 'subtensor/src/guards: they are dispatch extensions',
  },
  mechanisms: {
    at293: 'a subnet has no mechanisms',
    at424: 'weights may be set for one of its mechanisms, of which 0 is the usual one',
    source: 'subtensor/src/macros/dispatches.rs: set_mechanism_weights',
  },
  'batch-item-names-subnet': {
    at293: 'BatchWeightItemFailed tells the error',
    at424: 'and the netuid before it',
    source: 'subtensor/src/macros/events.rs',
  },
  'admin-fees': {
    at293: 'some calls of AdminUtils are free of fees',
    at424: 'whoever signs one himself pays',
    source: 'admin-utils/src/lib.rs',
  },
  'owner-settings': {
    at293: 'the owner may set kappa, but neither burns nor the number of uids',
    at424: 'the other way round',
    source: 'admin-utils/src/lib.rs: ensure_sn_owner_or_root_with_limits',
  },
  'root-sets-alpha': {
    at293: 'only the owner may set the bounds of liquid alpha',
    at424: 'sudo may as well',
    source: 'subtensor/src/epoch/run_epoch.rs: do_set_alpha_values',
  },
  'subnet-limit': {
    at293: 'the limit to subnets is ignored',
    at424: 'it is stored, and told',
    source: 'subtensor/src/utils/misc.rs: set_max_subnets',
  },
  'setting-bounds': {
    at293: 'most values are taken as they come; there must be fewer uids than allowed',
    at424: 'uids, validators, reveal periods and burns have bounds; there may be as many uids as allowed',
    source: 'admin-utils/src/lib.rs; subtensor/src/subnets/weights.rs: set_reveal_period',
  },
  'newer-settings': {
    at293: 'there is no such call',
    at424: 'there is',
    source: 'admin-utils/src/lib.rs',
  },
  'admin-freeze': {
    at293: 'hyperparameters may be set at any time',
    at424: 'most may not within AdminFreezeWindow blocks of an epoch, or while a triggered one is pending',
    source: 'subtensor/src/utils/misc.rs: ensure_admin_window_open',
  },
  'incentive-event': {
    at293: 'an epoch is told by no event',
    at424: 'IncentiveAlphaEmittedToMiners tells what each uid earned as a miner',
    source: 'subtensor/src/coinbase/run_coinbase.rs: distribute_emission',
  },
  'timelocked-names': {
    at293: 'commit_crv3_weights, CRV3WeightsCommitted (who, netuid, hash) and CRV3WeightsRevealed',
    at424:
      'commit_timelocked_weights, TimelockedWeightsCommitted (who, netuid, hash, round) and TimelockedWeightsRevealed',
    source: 'subtensor/src/macros/dispatches.rs, events.rs',
  },
  'commit-reveal-version': {
    at293: 'a commit names no version of commit-reveal',
    at424: 'it names one, which must be CommitRevealWeightsVersion',
    source: 'subtensor/src/subnets/weights.rs: internal_commit_timelocked_weights',
  },
  'payload-names-hotkey': {
    at293: 'timelocked weights name nobody; what does is dropped as unreadable',
    at424: 'they may name the hotkey that commits to them, and are dropped where another does',
    source: 'subtensor/src/coinbase/reveal_commits.rs',
  },
  'late-pulse': {
    at293: 'a commit whose pulse is not there at the epoch is dropped',
    at424: 'it waits for its pulse until the next epoch',
    source: 'subtensor/src/coinbase/reveal_commits.rs',
  },
  'owner-permit': {
    at293: 'the owner’s hotkey has a permit if its stake is among the highest',
    at424: 'it always has one',
    source: 'subtensor/src/epoch/run_epoch.rs',
  },
  'emission-without-registration': {
    at293: 'a subnet that nobody can register on goes on emitting alpha',
    at424: 'it emits none',
    source: 'subtensor/src/coinbase/subnet_emissions.rs: get_subnets_to_emit_to',
  },
  'tempo-starts-a-cycle': {
    at293: 'a new tempo moves epochs to where the number of the block puts them',
    at424: 'with it a cycle begins: the next epoch is that many blocks later',
    source: 'subtensor/src/utils/misc.rs: apply_tempo_with_cycle_reset',
  },
  'owner-epochs': {
    at293: 'epochs are where the number of the block puts them',
    at424: 'the owner may set the tempo and trigger an epoch',
    source: 'subtensor/src/coinbase/tempo_control.rs',
  },
  'epochs-deferred': {
    at293: 'every epoch that is due is run',
    at424: 'MaxEpochsPerBlock of them are run, the others in the blocks after',
    source: 'subtensor/src/coinbase/run_coinbase.rs: drain_pending',
  },
  'stake-is-a-transfer': {
    at293: 'staked TAO is withdrawn, and deposited again when it is taken out',
    at424: 'it goes to the subnet’s account and comes back from it',
    source: 'subtensor/src/coinbase/tao.rs: transfer_tao_to_subnet, transfer_tao_from_subnet',
  },
  'subnet-before-subtoken': {
    at293: 'a subnet that does not exist counts as one whose alpha cannot be bought yet',
    at424: 'add_stake says that it does not exist',
    source: 'subtensor/src/staking/stake_utils.rs: validate_add_stake',
  },
} as const satisfies Record<string, SpecDifference>;
