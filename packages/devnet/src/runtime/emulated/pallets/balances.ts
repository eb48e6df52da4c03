import type { Variant } from '../../../scale/codec.ts';
import {
  balancesStorage,
  EXISTENTIAL_DEPOSIT,
  freeBalance,
  setBalance,
  spendable,
  transfer,
} from '../balances-ledger.ts';
import { DispatchError, ensureRoot, ensureSigned, type Pallet } from '../pallet.ts';

/** AccountIdLookup: account ids only, even where an address has as many bytes. */
export function lookup(address: Variant): string {
  if (address.kind === 'Id') return address.value as string;
  throw new DispatchError({ kind: 'CannotLookup', value: [] });
}

interface TransferArgs {
  dest: Variant;
  value: bigint;
}

export const balancesPallet: Pallet = {
  name: 'Balances',
  index: 5,
  path: 'pallet_balances::pallet',
  storage: balancesStorage,
  calls: {
    transfer_allow_death: {
      index: 0,
      args: { dest: 'MultiAddress', value: 'Compact<u64>' },
      dispatch: (context, origin, { dest, value }: TransferArgs) =>
        transfer(context, ensureSigned(origin), lookup(dest), value, false),
    },
    force_transfer: {
      index: 2,
      args: { source: 'MultiAddress', dest: 'MultiAddress', value: 'Compact<u64>' },
      dispatch: (context, origin, { source, dest, value }: TransferArgs & { source: Variant }) => {
        ensureRoot(origin);
        transfer(context, lookup(source), lookup(dest), value, false);
      },
    },
    transfer_keep_alive: {
      index: 3,
      args: { dest: 'MultiAddress', value: 'Compact<u64>' },
      dispatch: (context, origin, { dest, value }: TransferArgs) =>
        transfer(context, ensureSigned(origin), lookup(dest), value, true),
    },
    transfer_all: {
      index: 4,
      args: { dest: 'MultiAddress', keep_alive: 'bool' },
      dispatch: (context, origin, { dest, keep_alive }: { dest: Variant; keep_alive: boolean }) => {
        const who = ensureSigned(origin);
        transfer(context, who, lookup(dest), spendable(context.state, who, keep_alive), keep_alive);
      },
    },
    force_set_balance: {
      index: 8,
      args: { who: 'MultiAddress', new_free: 'Compact<u64>' },
      dispatch: (context, origin, { who, new_free }: { who: Variant; new_free: bigint }) => {
        ensureRoot(origin);
        const account = lookup(who);
        const free = new_free < EXISTENTIAL_DEPOSIT ? 0n : new_free;
        const old = freeBalance(context.state, account);
        setBalance(context.state, account, free);
        // An account with nothing is endowed even with nothing, as pallet-balances takes it for new.
        if (old === 0n && free > 0n) context.deposit('System', 'NewAccount', { account });
        if (old > 0n && free === 0n) context.deposit('System', 'KilledAccount', { account });
        if (old === 0n) context.deposit('Balances', 'Endowed', { account, free_balance: free });
        if (free > old) context.deposit('Balances', 'Issued', { amount: free - old });
        if (free < old) context.deposit('Balances', 'Rescinded', { amount: old - free });
        context.deposit('Balances', 'BalanceSet', { who: account, free });
      },
    },
  },
  events: [
    ['Endowed', 0, { account: 'AccountId32', free_balance: 'u64' }],
    ['DustLost', 1, { account: 'AccountId32', amount: 'u64' }],
    ['Transfer', 2, { from: 'AccountId32', to: 'AccountId32', amount: 'u64' }],
    ['BalanceSet', 3, { who: 'AccountId32', free: 'u64' }],
    ['Deposit', 7, { who: 'AccountId32', amount: 'u64' }],
    ['Withdraw', 8, { who: 'AccountId32', amount: 'u64' }],
    ['Burned', 11, { who: 'AccountId32', amount: 'u64' }],
    ['Issued', 15, { amount: 'u64' }],
    ['Rescinded', 16, { amount: 'u64' }],
  ],
  errors: [
    'VestingBalance',
    'LiquidityRestrictions',
    'InsufficientBalance',
    'ExistentialDeposit',
    'Expendability',
    'ExistingVestingSchedule',
    'DeadAccount',
    'TooManyReserves',
    'TooManyHolds',
    'TooManyFreezes',
    'IssuanceDeactivated',
    'DeltaZero',
  ],
  constants: { ExistentialDeposit: ['u64', EXISTENTIAL_DEPOSIT] },
};
