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
} as const satisfies Record<string, SpecDifference>;
