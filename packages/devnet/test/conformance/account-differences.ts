import type { SpecDifference } from './spec-differences.ts';

/** What specs 293 and 424 do differently with registration, serving and commitments. */
export const ACCOUNT_DIFFERENCES = {
  'serving-registration': {
    at293: 'a hotkey of any subnet may serve on every netuid, even one that does not exist',
    at424: 'the hotkey must be registered on that subnet',
    source: 'subtensor/src/subnets/serving.rs',
  },
  'serving-in-the-pool': {
    at293: 'the pool checks serve_axon only; serve_axon_tls and serve_prometheus fail in a block',
    at424: 'the pool checks all three, and what it refuses fails within a batch, too',
    source: 'subtensor/src/guards/check_serving_endpoints.rs',
  },
  'oldest-round': {
    at293: 'the oldest drand round that is kept is nowhere',
    at424: 'it is stored, and root may set it',
    source: 'drand/src/lib.rs: set_oldest_stored_round',
  },
  'max-space-fee': {
    at293: 'set_max_space pays no fee, whoever calls it',
    at424: 'it does',
    source: 'commitments/src/lib.rs',
  },
  'miner-emission-event': {
    at293: 'an epoch deposits no event of what miners got',
    at424: 'IncentiveAlphaEmittedToMiners lists it',
    source: 'subtensor/src/epoch/run_epoch.rs',
  },
  'registration-fee': {
    at293: 'calls that register are free of a fee',
    at424: 'they pay it, failed or not',
    source: 'subtensor/src/macros/dispatches.rs',
  },
  'missing-subnet': {
    at293: 'registration and start_call: SubNetworkDoesNotExist',
    at424: 'SubnetNotExists',
    source: 'subtensor/src/macros/errors.rs',
  },
  'subnet-holds-tao': {
    at293: 'TAO for a subnet is taken out of circulation',
    at424: 'it is transferred to an account of the subnet',
    source: 'subtensor/src/coinbase/tao.rs: transfer_tao_to_subnet',
  },
  'system-accounts': {
    at293: 'any account may be a hotkey',
    at424: "not a subnet's own: CannotUseSystemAccount",
    source: 'subtensor/src/staking/helpers.rs: create_account_if_non_existent',
  },
  'registration-price': {
    at293: 'the price changes once in AdjustmentInterval blocks, by how many registered in it',
    at424: 'it halves in BurnHalfLife blocks, block by block, and grows by BurnIncreaseMult with each registration',
    source: 'subtensor/src/subnets/registration.rs: update_registration_prices_for_networks',
  },
  'registration-limits': {
    at293:
      'MaxRegistrationsPerBlock and thrice TargetRegistrationsPerInterval limit registrations, in the pool as well',
    at424: 'nothing limits them but the price; only root counts',
    source: 'subtensor/src/subnets/registration.rs: do_register',
  },
  'register-limit': {
    at293: 'no such call',
    at424: 'register_limit pays no more than its limit',
    source: 'subtensor/src/subnets/registration.rs: do_register_limit',
  },
  'proof-of-work': {
    at293: 'register wants a proof of work, signed by the hotkey',
    at424: 'it is burned_register under another name: the coldkey signs and pays, the proof is not looked at',
    source: 'subtensor/src/macros/dispatches.rs: register',
  },
  'cleared-by-replacement': {
    at293:
      "a replacement leaves the old neuron's weights and the weights to it, its prometheus row, trust, permit and last update",
    at424: 'it clears all of that, and the last update is now',
    source: 'subtensor/src/subnets/uids.rs: replace_neuron, clear_neuron',
  },
  'least-outside-immunity': {
    at293: 'whoever is outside immunity goes before all who are within',
    at424: 'only while more than MinNonImmuneUids are outside it',
    source: 'subtensor/src/subnets/registration.rs: get_neuron_to_prune',
  },
  'owner-hotkeys-spared': {
    at293: "only the subnet's owner hotkey is never replaced",
    at424: 'so are as many hotkeys of its owner as ImmuneOwnerUidsLimit says',
    source: 'subtensor/src/subnets/registration.rs: get_immune_owner_tuples',
  },
  'nobody-to-replace': {
    at293: 'a registration that can replace nobody takes the burn and announces uid 0, which stays whose it was',
    at424: 'NoNeuronIdAvailable',
    source: 'subtensor/src/subnets/registration.rs: do_register',
  },
  'new-subnet-settings': {
    at293: 'a new subnet is given adjustment intervals, difficulties and a largest weight, too',
    at424: "none of these; its owner's hotkey is announced, and it emits only when its owner says so",
    source: 'subtensor/src/subnets/subnet.rs: init_new_network',
  },
  'network-limit-in-pool': {
    at293: 'register_network within the rate limit fails in a block, after the check of the hotkey',
    at424: 'the pool refuses it',
    source: 'subtensor/src/guards/check_rate_limits.rs',
  },
  'first-network': {
    at293: 'the rate limit of networks counts from block 0',
    at424: 'the first network of a chain is not limited',
    source: 'subtensor/src/utils/rate_limiting.rs: check_passes_rate_limit',
  },
  'lock-cost-error': {
    at293: 'a network that cannot be paid for: NotEnoughBalanceToStake',
    at424: 'CannotAffordLockCost',
    source: 'subtensor/src/subnets/subnet.rs: do_register_network',
  },
  'network-start-block': {
    at293: 'networks may be registered from the first block',
    at424: 'from NetworkRegistrationStartBlock',
    source: 'subtensor/src/subnets/subnet.rs: do_register_network',
  },
  'network-limit': {
    at293: 'there is no limit to the number of networks',
    at424: 'SubnetLimit, where none is old enough to be pruned',
    source: 'subtensor/src/subnets/subnet.rs: do_register_network',
  },
  senate: {
    at293: 'who registers on root joins the senate, if eligible',
    at424: 'there is none',
    source: 'subtensor/src/coinbase/root.rs: do_root_register',
  },
  'free-batches': {
    at293: 'a batch pays a fee, so that a hotkey without a balance cannot send one',
    at424: 'a batch of calls that are free is free itself',
    source: 'utility/src/lib.rs: weight_and_dispatch_class',
  },
} as const satisfies Record<string, SpecDifference>;
