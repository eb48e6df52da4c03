import type { SpecDifference } from './spec-differences.ts';

/** What specs 293 and 424 do differently with weights, stake, epochs and hyperparameters. */
export const WEIGHT_DIFFERENCES = {
  'missing-mechanism': {
    at293: 'weights for a subnet that does not exist: SubNetworkDoesNotExist',
    at424: 'a subnet has mechanisms, so MechanismDoesNotExist',
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
} as const satisfies Record<string, SpecDifference>;
