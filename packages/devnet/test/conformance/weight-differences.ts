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
} as const satisfies Record<string, SpecDifference>;
