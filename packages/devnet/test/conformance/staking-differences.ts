/** Of stakes and epochs, as random calls meet them: see random-calls/differences.ts and random-calls/steering.ts. */
export const STAKING_DIFFERENCES = {
  'staking-fee': {
    at293: 'add_stake and remove_stake are free of a fee',
    at424: 'they pay it, failed or not',
    source: 'subtensor/src/macros/dispatches.rs',
  },
  'staking-in-the-pool': {
    at293: 'the pool checks amount, balance, stake, subnet and hotkey of add_stake and remove_stake',
    at424: 'they are checked in the block',
    source: 'subtensor/src/extensions/subtensor.rs, subtensor/src/guards',
  },
  'unstake-what-there-is': {
    at293: 'who takes out more than there is gets NotEnoughStakeToWithdraw',
    at424: 'remove_stake takes out what there is, and AmountTooLow where that is nothing',
    source: 'subtensor/src/staking/remove_stake.rs: do_remove_stake',
  },
} as const;
